import { Link } from 'wouter';

import { Change } from '../../parts/matches';
import { moment, number } from '../../ui/parts';
import type { Point } from './rating';

/** The same as the chart, for those who read. Newest first. */
export function RatingTable({ points }: { points: Point[] }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Rating, match by match">
      <table>
        <thead>
          <tr>
            <th>When</th>
            <th className="number">Change</th>
            <th className="number">Rating</th>
            <th className="number">±</th>
            <th>Match</th>
          </tr>
        </thead>
        <tbody>
          {points.toReversed().map((point) => (
            <tr key={point.match.id}>
              <td>{moment(point.at)}</td>
              <td className="number">
                <Change value={point.mmrAfter - point.mmrBefore} />
              </td>
              <td className="number">{number(point.mmrAfter)}</td>
              <td className="number">{point.explanation ? Math.round(point.explanation.uncertaintyAfter) : '–'}</td>
              <td>
                <Link href={`/matches/${point.match.id}`}>View match</Link>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
