// The numbers of one queue, as they change.

import { useState } from 'react';

import { graphql } from '../../api/gql';
import type { ModePartsFragment, QueueNumbersFragment } from '../../api/gql/graphql';
import { useStream } from '../../api/hooks';
import { Card, number, seconds } from '../../ui/parts';

graphql(`
  fragment QueueNumbers on QueueStats {
    playersSearching
    ticketsSearching
    matchesLastMinute
    medianWaitSeconds
    p95WaitSeconds
    estimatedWaitSeconds
    estimatedWaitP90Seconds
    updatedAt
  }
`);

const QueueStats = graphql(`
  subscription QueueStats($mode: ModeId!) {
    queueStats(mode: $mode) {
      ...QueueNumbers
    }
  }
`);

export function Queue({ mode }: { mode: ModePartsFragment }) {
  const [now, setNow] = useState<QueueNumbersFragment>();
  useStream(QueueStats, { mode: mode.id }, (heard) => setNow(heard.at(-1)?.queueStats));
  const teams = Array.from({ length: mode.teamCount }, () => mode.teamSize).join(' against ');
  return (
    <Card title={mode.name} aside={<span className="quiet small">{teams}</span>}>
      <dl className="facts even" data-testid={`queue-${mode.id}`}>
        <div>
          <dt>Players waiting</dt>
          <dd>{now ? number(now.playersSearching) : '–'}</dd>
        </div>
        <div>
          <dt>Matches last minute</dt>
          <dd>{now ? number(now.matchesLastMinute) : '–'}</dd>
        </div>
        <div>
          <dt>Median wait</dt>
          <dd>{seconds(now?.medianWaitSeconds)}</dd>
        </div>
        <div>
          <dt>Expected wait (P50–P90)</dt>
          <dd>
            {now?.estimatedWaitSeconds == null
              ? '–'
              : `${seconds(now.estimatedWaitSeconds)}–${seconds(now.estimatedWaitP90Seconds)}`}
          </dd>
        </div>
      </dl>
    </Card>
  );
}
