// The chart itself: one step a match. d3 works out scales and shapes, React draws.

import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import { useEffect, useId, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';

import { day, moment, number } from '../../ui/parts';
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
  const value = useId();
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
  // The step that is pointed at, or was chosen by the arrow keys.
  const [at, setAt] = useState<number>();
  const shown = at === undefined ? undefined : all[at];
  const point = (event: PointerEvent<SVGSVGElement>) => {
    const nearest = Math.round(x.invert(event.clientX - event.currentTarget.getBoundingClientRect().left));
    setAt(Math.min(all.length - 1, Math.max(0, nearest)));
  };
  const press = (event: KeyboardEvent) => {
    const now = at ?? all.length - 1;
    const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    setAt(at === undefined ? all.length - 1 : Math.min(all.length - 1, Math.max(0, next)));
  };
  const words = `Rating over ${points.length} matches: from ${all[0]!.mmr} to ${last.mmr}, at best ${best}.`;
  return (
    <div ref={box}>
      <svg
        className="chart"
        height={HEIGHT}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={words}
        aria-describedby={value}
        tabIndex={0}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => setAt(undefined)}
        onKeyDown={press}
        onBlur={() => setAt(undefined)}
      >
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
        {shown && (
          <g>
            <line className="at" x1={x(shown.index)} x2={x(shown.index)} y1={TOP} y2={HEIGHT - BOTTOM} />
            <circle className="mark" cx={x(shown.index)} cy={y(shown.mmr)} r={5} />
          </g>
        )}
        <text x={LEFT} y={HEIGHT - 6}>
          {day(points[0]!.at)}
        </text>
        <text x={width - 12} y={HEIGHT - 6} textAnchor="end">
          {day(points.at(-1)!.at)}
        </text>
      </svg>
      <p className="quiet small number" id={value} role="status" data-testid="value">
        {shown
          ? `${number(shown.mmr)}${shown.sure === null ? '' : ` ± ${number(shown.sure)}`} · ${
              shown.index === 0 ? 'before the first of them' : moment(points[shown.index - 1]!.at)
            }`
          : 'Point at a match, or choose one with the arrow keys.'}
      </p>
    </div>
  );
}
