// Writes a .gz beside each text file of the build, so that the node serves it as it is, and fails
// when a page weighs more than it may.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMITS = { 'index.html': 500 * 1024, 'admin/index.html': 150 * 1024 };

const packedSize = new Map();
const walk = (folder) => {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) walk(path);
    else if (/\.(js|css|html|svg|json|webmanifest)$/.test(name)) {
      const packed = gzipSync(readFileSync(path), { level: 9 });
      writeFileSync(`${path}.gz`, packed);
      packedSize.set(path, packed.length);
    }
  }
};
walk('dist');
for (const [page, limit] of Object.entries(LIMITS)) {
  const path = join('dist', page);
  const named = [...readFileSync(path, 'utf8').matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, file]) => join('dist', file));
  const total = [path, ...named].reduce((sum, file) => sum + (packedSize.get(file) ?? 0), 0);
  console.log(`${page}: ${Math.ceil(total / 1024)} KiB compressed (limit ${limit / 1024})`);
  if (total > limit) process.exitCode = 1;
}
