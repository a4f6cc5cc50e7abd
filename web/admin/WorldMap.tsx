import { useEffect, useMemo, useRef, useState } from 'react';
import land from './land.json';
import { frameOf, graticule, outline, project } from './projection';

export type Standing = 'default' | 'in' | 'out';
export interface Place { id: string; name: string; latitude: number; longitude: number; standing: Standing; changed?: boolean; note?: string }

const LAND = outline(land);
const LINES = graticule();
const LETTER = 8.6;  // width of a letter of the labels, about
const LINE = 18;

/**
 * Where the regions are. A picture beside a list that says the same, so it has no controls; shapes, not only
 * colours, tell the standings apart.
 */
export function WorldMap({ places, label, pointed }: { places: Place[]; label: string; pointed?: string }) {
  const figure = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = figure.current;
    if (!element) return;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const height = Math.round(width / (width < 500 ? 1.35 : 1.9));
  const view = useMemo(() => {
    const points = places.map((place) => project(place.longitude, place.latitude));
    const frame = frameOf(points, width / height || 2);
    const scale = width / frame.width;
    const spots = places.map((place, i) => ({ ...place, x: (points[i].x - frame.x) * scale, y: (points[i].y - frame.y) * scale }));
    return { spots: labelled(spots, width, height), transform: `scale(${scale}) translate(${-frame.x} ${-frame.y})` };
  }, [places, width, height]);
  return (
    <div className="map" ref={figure}>
      {width > 0 && (
        <svg width={width} height={height} role="img" aria-label={label}>
          <g transform={view.transform}><path className="graticule" d={LINES} /><path className="land" fillRule="evenodd" d={LAND} /></g>
          {view.spots.map(({ id, name, note, standing, changed, x, y, text }) => (
            <g key={id} className={`spot ${standing} ${id === pointed ? 'pointed' : ''}`} transform={`translate(${x} ${y})`}>
              {(changed || id === pointed) && <circle className="halo" r={13} />}
              <Mark standing={standing} />
              <text x={text.x} y={text.y} textAnchor={text.anchor}>{name}{note && <tspan className="note"> {note}</tspan>}</text>
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

export function Mark({ standing }: { standing: Standing }) {
  if (standing === 'default') return <path className="mark" d="M0-8 8 0 0 8-8 0Z" />;
  return <circle className="mark" r={standing === 'in' ? 6.5 : 5.5} />;
}

export function Legend({ changed }: { changed: boolean }) {
  const entry = (standing: Standing, text: string) => (
    <li><svg width={22} height={22} viewBox="-11 -11 22 22" aria-hidden="true"><g className={`spot ${standing}`}><Mark standing={standing} /></g></svg>{text}</li>
  );
  return (
    <ul className="legend">
      {entry('default', 'default, always on')}{entry('in', 'opted in')}{entry('out', 'opted out')}
      {changed && <li><svg width={22} height={22} viewBox="-14 -14 28 28" aria-hidden="true"><circle className="halo" r={12} /></svg>changed, not applied yet</li>}
    </ul>
  );
}

type Spot = Place & { x: number; y: number };
type Anchor = 'start' | 'middle' | 'end';
interface Box { left: number; right: number; top: number; bottom: number }

/** Puts each label beside its mark where it hides no mark and no other label, if there is such a place. */
function labelled(spots: Spot[], width: number, height: number) {
  const taken: Box[] = spots.map(({ x, y }) => ({ left: x - 9, right: x + 9, top: y - 9, bottom: y + 9 }));
  const overlap = (a: Box, b: Box) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  return spots.map((spot, own) => {
    const long = (spot.name.length + (spot.note ? spot.note.length + 1 : 0)) * LETTER;
    const tries: { x: number; y: number; anchor: Anchor }[] = [
      { x: 14, y: 5, anchor: 'start' }, { x: -14, y: 5, anchor: 'end' }, { x: 0, y: -15, anchor: 'middle' }, { x: 0, y: 25, anchor: 'middle' },
      { x: 10, y: -12, anchor: 'start' }, { x: 10, y: 22, anchor: 'start' }, { x: -10, y: -12, anchor: 'end' }, { x: -10, y: 22, anchor: 'end' },
    ];
    const boxOf = ({ x, y, anchor }: { x: number; y: number; anchor: Anchor }): Box => {
      const left = spot.x + x - (anchor === 'start' ? 0 : anchor === 'end' ? long : long / 2);
      return { left, right: left + long, top: spot.y + y - LINE + 4, bottom: spot.y + y + 4 };
    };
    const cost = (box: Box) => taken.reduce((sum, other, i) => sum + (i === own ? 0 : overlap(box, other)), 0)
      + 100 * (Math.max(0, -box.left) + Math.max(0, box.right - width) + Math.max(0, -box.top) + Math.max(0, box.bottom - height));
    const text = tries.reduce((best, next) => (cost(boxOf(next)) < cost(boxOf(best)) ? next : best));
    taken.push(boxOf(text));
    return { ...spot, text };
  });
}
