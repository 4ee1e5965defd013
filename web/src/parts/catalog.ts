// What can be played, where, and in which season: changes with the server's settings only.

import { graphql } from '../api/gql';
import { useRead } from '../api/hooks';

graphql(`
  fragment ModeParts on Mode {
    id
    name
    teamSize
    teamCount
    readyCheckSeconds
  }
`);

const Catalog = graphql(`
  query Catalog {
    modes {
      ...ModeParts
    }
    regions {
      id
      name
    }
    seasons {
      id
      name
      isCurrent
      startsAt
      endsAt
    }
  }
`);

export function useCatalog() {
  return useRead(Catalog, {});
}
