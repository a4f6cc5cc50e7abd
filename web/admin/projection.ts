/** The Equal Earth projection (Šavrič, Patterson and Jenny, 2018): areas are true, and it looks like the world. */

const A1 = 1.340264, A2 = -0.081106, A3 = 0.000893, A4 = 0.003796;
const M = Math.sqrt(3) / 2;

export interface Point { x: number; y: number }

/** Degrees to the plane; x grows to the east, y to the south. */
export function project(longitude: number, latitude: number): Point {
  const lambda = longitude * Math.PI / 180;
  const theta = Math.asin(M * Math.sin(latitude * Math.PI / 180));
  const t2 = theta * theta;
  const t6 = t2 * t2 * t2;
  return {
    x: lambda * Math.cos(theta) / (M * (A1 + 3 * A2 * t2 + t6 * (7 * A3 + 9 * A4 * t2))),
    y: -theta * (A1 + A2 * t2 + t6 * (A3 + A4 * t2)),
  };
}

const svg = ({ x, y }: Point) => `${x.toFixed(3)} ${y.toFixed(3)}`;

/** Rings of land.json (see tools/land.mjs) as the `d` of a path. */
export function outline(rings: number[][]): string {
  return rings.map((ring) => {
    let [longitude, latitude] = [0, 0];
    let path = '';
    for (let i = 0; i < ring.length; i += 2) {
      longitude += ring[i];
      latitude += ring[i + 1];
      path += `${i ? 'L' : 'M'}${svg(project(longitude / 10, latitude / 10))}`;
    }
    return `${path}Z`;
  }).join('');
}

/** Every 30 degrees, so that bent edges read as a globe. */
export function graticule(): string {
  const line = (points: [number, number][]) => points.map(([x, y], i) => `${i ? 'L' : 'M'}${svg(project(x, y))}`).join('');
  const steps = (from: number, to: number) => Array.from({ length: (to - from) / 5 + 1 }, (_, i) => from + 5 * i);
  const meridians = Array.from({ length: 13 }, (_, i) => -180 + 30 * i).map((x) => line(steps(-90, 90).map((y) => [x, y])));
  const parallels = [-60, -30, 0, 30, 60].map((y) => line(steps(-180, 180).map((x) => [x, y])));
  return [...meridians, ...parallels].join('');
}

export interface Frame { x: number; y: number; width: number; height: number }
const WORLD: Frame = { x: project(-180, 0).x, y: project(0, 84).y, width: 2 * project(180, 0).x, height: project(0, -57).y - project(0, 84).y };
const LEAST_WIDTH = WORLD.width * 0.45;

/** The part of the world to draw, of the shape `width:height`, with all points well inside. */
export function frameOf(points: Point[], aspect: number): Frame {
  if (points.length === 0) return around(WORLD.x + WORLD.width / 2, WORLD.y + WORLD.height / 2, WORLD.width, aspect);
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const wanted = Math.max((right - left) * 1.45, (bottom - top) * 1.6 * aspect, LEAST_WIDTH);
  return around((left + right) / 2, (top + bottom) / 2, Math.min(wanted, Math.max(WORLD.width, WORLD.height * aspect)), aspect);
}

function around(x: number, y: number, width: number, aspect: number): Frame {
  const height = width / aspect;
  const within = (middle: number, size: number, from: number, whole: number) =>
    (size >= whole ? from + whole / 2 - size / 2 : Math.max(from, Math.min(middle - size / 2, from + whole - size)));
  return { x: within(x, width, WORLD.x, WORLD.width), y: within(y, height, WORLD.y, WORLD.height), width, height };
}
