// The chart itself: one step a match. d3 works out scales and shapes, React draws.

import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import { useEffect, useRef, useState } from 'react';

import { number } from '../../ui/parts';
import './chart.css';
import type { Point } from './rating';

const HEIGHT = 260;
const LEFT = 48;
const BOTTOM = 26;
const TOP = 10;

interface Step {
  index: number;
  mmr: number;
  /** One standard deviation; nothing where it is no longer kept. */
  sure: number | null;
}

function steps(points: Point[]): Step[] {
  const [first] = points;
  if (!first) return [];
  const start = { index: 0, mmr: first.mmrBefore, sure: first.explanation?.uncertaintyBefore ?? null };
  return [
    start,
    ...points.map((point, at) => ({ index: at + 1, mmr: point.mmrAfter, sure: point.explanation?.uncertaintyAfter ?? null })),
  ];
}

/** How wide it may be, in pixels: text keeps its size on any screen. */
function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.max(240, Math.round(entry.contentRect.width))));
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return { box, width };
}

export function RatingChart({ points }: { points: Point[] }) {
  const { box, width } = useWidth();
  const all = steps(points);
  const low = Math.min(...all.map(({ mmr, sure }) => mmr - (sure ?? 0)));
  const high = Math.max(...all.map(({ mmr, sure }) => mmr + (sure ?? 0)));
  const x = scaleLinear([0, all.length - 1], [LEFT, width - 12]);
  const y = scaleLinear([low, high], [HEIGHT - BOTTOM, TOP]).nice();
  const band = area<Step>(
    (d) => x(d.index),
    (d) => y(d.mmr - (d.sure ?? 0)),
    (d) => y(d.mmr + (d.sure ?? 0)),
  ).defined((d) => d.sure !== null);
  const path = line<Step>(
    (d) => x(d.index),
    (d) => y(d.mmr),
  );
  const last = all.at(-1)!;
  const best = Math.max(...all.map(({ mmr }) => mmr));
  const words = `Rating over ${points.length} matches: from ${all[0]!.mmr} to ${last.mmr}, at best ${best}.`;
  return (
    <div ref={box}>
      <svg className="chart" height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={words}>
        {y.ticks(5).map((tick) => (
          <g key={tick}>
            <line className="grid-line" x1={LEFT} x2={width - 12} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {number(tick)}
            </text>
          </g>
        ))}
        <path className="band" d={band(all) ?? ''} />
        <path className="line" d={path(all) ?? ''} />
        <circle className="mark" cx={x(last.index)} cy={y(last.mmr)} r={4} />
        <text x={LEFT} y={HEIGHT - 6}>
          {new Date(points[0]!.at).toLocaleDateString()}
        </text>
        <text x={width - 12} y={HEIGHT - 6} textAnchor="end">
          {new Date(points.at(-1)!.at).toLocaleDateString()}
        </text>
      </svg>
    </div>
  );
}
