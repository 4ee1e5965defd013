// Signing in with an account at another service, or linking it: the secret stays in this window until the person is back.

import { graphql } from '../../api/gql';
import * as browser from '../../api/kept';

export const BeginSignIn = graphql(`
  mutation BeginSignIn($input: BeginSignInInput!) {
    beginSignIn(input: $input) {
      url
      state
      secret
    }
  }
`);

export const FinishSignIn = graphql(`
  mutation FinishSignIn($input: FinishSignInInput!) {
    finishSignIn(input: $input) {
      auth {
        ...Auth
      }
    }
  }
`);

export const FinishLink = graphql(`
  mutation FinishAccountLink($input: FinishAccountLinkInput!) {
    finishAccountLink(input: $input) {
      linked {
        provider
      }
    }
  }
`);

/** The page that services send people back to: `oauth.redirect_uris` has to list it. */
export const RETURN_TO = `${location.origin}/sign-in`;

const KEY = 'rankedhonor.sign-in';

/** What was begun: to sign in, and to go where, or to link. */
export interface Begun {
  state: string;
  secret: string;
  links: boolean;
  to?: string;
}

export function keep({ state, secret, links, to }: Begun): void {
  browser.keep(KEY, JSON.stringify({ state, secret, links, to }), 'sessionStorage');
}

/** What this window has begun with this state. */
export function kept(state: string): Begun | null {
  const begun = JSON.parse(browser.kept(KEY, 'sessionStorage') ?? 'null') as Begun | null;
  return begun?.state === state ? begun : null;
}

/** The same, once. */
export function taken(state: string): Begun | null {
  const begun = kept(state);
  browser.keep(KEY, null, 'sessionStorage');
  return begun;
}
