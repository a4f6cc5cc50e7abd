/** Numbers, times and codes as people read them. */
import { type Region } from './api';

export const bytes = (count: number) => {
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < 4) { value /= 1000; unit += 1; }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${['B', 'kB', 'MB', 'GB', 'TB'][unit]}`;
};

export const number = (count: number) => count.toLocaleString('en');
export const count = (n: number, one: string, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
export const time = (rfc3339: string) => {
  const date = new Date(rfc3339);
  return Number.isNaN(date.getTime()) ? rfc3339 : moment.format(date);
};

/** Between two moments: `640 ms`, `2.1 s`. */
export const span = (from: string, to: string) => {
  const ms = Math.max(0, new Date(to).getTime() - new Date(from).getTime());
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
};

export const and = (words: string[]) => new Intl.ListFormat('en', { type: 'conjunction' }).format(words);
export const namesOf = (regions: Region[]) => {
  const names = new Map(regions.map((region) => [region.id, region.name]));
  return (id: string) => names.get(id) ?? id;
};

/** `region_not_allowed` and `PermitDenied` become "region not allowed", "permit denied". */
export const plain = (code: string) => code.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/[_-]+/g, ' ').toLowerCase();
export const sentence = (code: string) => { const text = plain(code); return text.charAt(0).toUpperCase() + text.slice(1); };
