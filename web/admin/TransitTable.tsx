import { type Transit } from './api';
import { bytes, count } from './words';

export interface Sum { packets: number; bytes: number }
export const totals = (transit: Transit[], region: string, direction: 'in' | 'out') =>
  transit.filter((one) => one.region === region && one.direction === direction)
    .reduce<Sum>((sum, one) => ({ packets: sum.packets + one.packets, bytes: sum.bytes + one.bytes }), { packets: 0, bytes: 0 });

const LEGS: Record<string, string> = { client: 'People', relay: 'Other regions', data: 'Data channels' };
const KINDS: Record<string, string> = { rtp: 'sound and pictures', rtcp: 'feedback', stun: 'connection checks', dtls: 'key exchange', data: 'data' };

/** Bytes in and out for each region, kind of leg and kind of packet. */
export function TransitTable({ transit, regions, name, caption }: { transit: Transit[]; regions: string[]; name: (region: string) => string; caption: string }) {
  const cell = (sum: Sum) => <td title={count(sum.packets, 'packet')}>{bytes(sum.bytes)}</td>;
  return (
    <table className="transit">
      <caption>{caption}</caption>
      <thead><tr><th scope="col">Region and kind</th><th scope="col">In</th><th scope="col">Out</th></tr></thead>
      {regions.map((region) => {
        const rows = [...new Set(transit.filter((one) => one.region === region).map((one) => `${one.leg}/${one.kind}`))].sort();
        return (
          <tbody key={region}>
            <tr className="total"><th scope="rowgroup">{name(region)}</th>{cell(totals(transit, region, 'in'))}{cell(totals(transit, region, 'out'))}</tr>
            {rows.map((row) => {
              const [leg, kind] = row.split('/');
              const of = transit.filter((one) => one.leg === leg && one.kind === kind);
              return <tr key={row}><th scope="row">{LEGS[leg] ?? leg}: {KINDS[kind] ?? kind}</th>{cell(totals(of, region, 'in'))}{cell(totals(of, region, 'out'))}</tr>;
            })}
            {rows.length === 0 && <tr><th scope="row" className="quiet">nothing passed here</th><td>–</td><td>–</td></tr>}
          </tbody>
        );
      })}
    </table>
  );
}
