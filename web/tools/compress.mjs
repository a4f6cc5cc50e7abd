// Writes a .gz beside each text file of the build, so that the node serves it as it is.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

let total = 0;
const walk = (folder) => {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) walk(path);
    else if (/\.(js|css|html|svg|json|webmanifest)$/.test(name)) {
      const packed = gzipSync(readFileSync(path), { level: 9 });
      writeFileSync(`${path}.gz`, packed);
      total += packed.length;
    }
  }
};
walk('dist');
const limit = 500 * 1024;
console.log(`page: ${Math.ceil(total / 1024)} KiB compressed (limit ${limit / 1024})`);
if (total > limit) process.exit(1);
