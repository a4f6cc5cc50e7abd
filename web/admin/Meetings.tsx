import { useCallback, useMemo } from 'react';
import { type Meeting } from './api';
import { useLoad } from './hooks';
import { Heading, Trouble, Waiting } from './parts';
import { type Desk } from './Shell';
import { totals, TransitTable } from './TransitTable';
import { and, bytes, count, time } from './words';
import { Legend, type Place, WorldMap } from './WorldMap';

// Each look is a line of the audit log, so not more often than somebody needs.
const REFRESH_SECONDS = 10;

export function Meetings({ desk, sid }: { desk: Desk; sid?: string }) {
  const { api, account } = desk;
  const meetings = useLoad(useCallback(() => api.meetings(account.id), [api, account.id]), REFRESH_SECONDS);
  const one = sid ? meetings.value?.find((meeting) => meeting.sid === sid) : undefined;
  const home = `#/${encodeURIComponent(account.id)}/meetings`;
  if (sid) {
    return (
      <>
        <p><a href={home}>All meetings</a></p>
        {one ? <Detail desk={desk} meeting={one} /> : (
          <>
            <Heading>Meeting</Heading>
            {meetings.problem ? <Trouble problem={meetings.problem} /> : meetings.value
              ? <p>This meeting is over. Its <a href={`#/${encodeURIComponent(account.id)}/reports/${encodeURIComponent(sid)}`}>transit report</a> says where it was.</p>
              : <Waiting what="Loading" />}
          </>
        )}
      </>
    );
  }
  return (
    <>
      <Heading>Meetings that run now</Heading>
      {meetings.problem && <Trouble problem={meetings.problem} onRetry={meetings.reload} />}
      {!meetings.value && !meetings.problem && <Waiting what="Loading" />}
      {meetings.value?.length === 0 && <p>No meeting runs now. When one ends, its <a href={`#/${encodeURIComponent(account.id)}/reports`}>transit report</a> stays.</p>}
      <ul className="cards">
        {meetings.value?.map((meeting) => (
          <li key={meeting.sid} className="panel">
            <h2><a href={`${home}/${encodeURIComponent(meeting.sid)}`}>{meeting.room}</a></h2>
            <p className="quiet">since {time(meeting.started)}</p>
            <p>{peopleByRegion(meeting, desk.name)}</p>
            <p className="quiet">{and(regionsOf(meeting).map((region) => `${desk.name(region)}: ${bytes(totals(meeting.transit, region, 'in').bytes)} in, ${bytes(totals(meeting.transit, region, 'out').bytes)} out`))}</p>
          </li>
        ))}
      </ul>
    </>
  );
}

const regionsOf = (meeting: Meeting) =>
  [...new Set([...meeting.participants.filter((one) => one.count > 0).map((one) => one.region), ...meeting.transit.map((one) => one.region)])];

const peopleByRegion = (meeting: Meeting, name: Desk['name']) => {
  const present = meeting.participants.filter((one) => one.count > 0);
  const total = present.reduce((sum, one) => sum + one.count, 0);
  return `${count(total, 'person', 'people')}${total ? ` (${and(present.map((one) => `${one.count} in ${name(one.region)}`))})` : ''}`;
};

function Detail({ desk: { name, routing, regions }, meeting }: { desk: Desk; meeting: Meeting }) {
  const used = regionsOf(meeting);
  const places = useMemo<Place[]>(() => regions.map((region) => {
    const here = meeting.participants.find((one) => one.region === region.id)?.count ?? 0;
    return {
      ...region, note: here > 0 ? `(${here})` : undefined,
      standing: region.id === routing.default_region ? 'default' : routing.opted_in.includes(region.id) ? 'in' : 'out',
    };
  }), [regions, meeting, routing]);
  return (
    <>
      <Heading>{meeting.room}</Heading>
      <p className="lead">Since {time(meeting.started)}. {peopleByRegion(meeting, name)}.</p>
      <div className="atlas">
        <figure>
          <WorldMap places={places} label={`Map of the regions, with the people served in each: ${peopleByRegion(meeting, name)}.`} />
          <figcaption><Legend changed={false} /></figcaption>
        </figure>
        <TransitTable transit={meeting.transit} regions={used} name={name} caption="What passed so far, by region" />
      </div>
      <p className="quiet">Counted where datagrams arrive and leave. Refreshed every {REFRESH_SECONDS} seconds.</p>
    </>
  );
}
