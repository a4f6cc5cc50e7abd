// Makes admin/land.json, the outline of the world's land for the administrators' map, from the
// file land-110m.json of the npm package world-atlas (Natural Earth, public domain):
//   npm install --no-save world-atlas && node tools/land.mjs node_modules/world-atlas/land-110m.json
// Rings of [longitude, latitude, difference, difference, …] in tenths of a degree.
import { readFileSync, writeFileSync } from 'node:fs';

const TOLERANCE = 0.3;       // degrees that the simplified line may be off
const SMALLEST_AREA = 3;     // square degrees; smaller islands are left out
const SOUTHERNMOST = -58;    // no data centre is in Antarctica

const { arcs, objects, transform: { scale, translate } } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const lines = arcs.map((arc) => {
  let [x, y] = [0, 0];
  return arc.map(([dx, dy]) => [(x += dx) * scale[0] + translate[0], (y += dy) * scale[1] + translate[1]]);
});
const arcPoints = (index) => (index < 0 ? lines[~index].toReversed() : lines[index]);
/** A ring that crosses the 180th meridian goes on beyond it instead of jumping around the world. */
const ringPoints = (ring) => {
  const points = ring.flatMap((index, i) => arcPoints(index).slice(i ? 1 : 0));
  let turns = 0;
  const whole = points.map(([x, y], i) => {
    if (i > 0 && Math.abs(x - points[i - 1][0]) > 180) turns += Math.sign(points[i - 1][0] - x);
    return [x + 360 * turns, y];
  });
  const middle = whole.reduce((sum, [x]) => sum + x, 0) / whole.length;
  return whole.map(([x, y]) => [x - 360 * Math.round(middle / 360), y]);
};

const distance = ([px, py], [ax, ay], [bx, by]) => {
  const [dx, dy] = [bx - ax, by - ay];
  const along = dx || dy ? Math.max(0, Math.min(1, ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy))) : 0;
  return Math.hypot(px - ax - along * dx, py - ay - along * dy);
};
/** Douglas and Peucker: the points that a line can't do without. */
const simplify = (points) => {
  let [far, most] = [0, 0];
  for (let i = 1; i < points.length - 1; i += 1) {
    const off = distance(points[i], points[0], points.at(-1));
    if (off > most) [far, most] = [i, off];
  }
  if (most <= TOLERANCE) return [points[0], points.at(-1)];
  return [...simplify(points.slice(0, far + 1)).slice(0, -1), ...simplify(points.slice(far))];
};
const area = (ring) => Math.abs(ring.reduce((sum, [x, y], i) => {
  const [nextX, nextY] = ring[(i + 1) % ring.length];
  return sum + x * nextY - nextX * y;
}, 0)) / 2;

const rings = objects.land.geometries.flatMap((land) => land.arcs.flat()).map(ringPoints)
  .filter((ring) => area(ring) >= SMALLEST_AREA && Math.max(...ring.map(([, y]) => y)) > SOUTHERNMOST)
  .map((ring) => {
    // A closed ring has no two ends: it is simplified as two halves.
    const half = Math.floor(ring.length / 2);
    return [...simplify(ring.slice(0, half + 1)).slice(0, -1), ...simplify(ring.slice(half)).slice(0, -1)];
  })
  .map((ring) => {
    let [x, y] = [0, 0];
    return ring.flatMap(([longitude, latitude]) => {
      const [nextX, nextY] = [Math.round(longitude * 10), Math.round(latitude * 10)];
      const step = [nextX - x, nextY - y];
      [x, y] = [nextX, nextY];
      return step;
    });
  });
writeFileSync('admin/land.json', `${JSON.stringify(rings).replaceAll('],[', '],\n[')}\n`);
console.log(`${rings.length} rings, ${rings.flat().length / 2} points`);
