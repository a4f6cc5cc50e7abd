/** Small pieces that every view uses. */
import { type ReactNode, useEffect, useRef } from 'react';
import { type Refusal } from './api';

/** The heading of a view; takes the focus when the view opens, so that a screen reader says where one is. */
export function Heading({ children, focus = true }: { children: ReactNode; focus?: boolean }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => { if (focus) heading.current?.focus(); }, [focus]);
  return <h1 tabIndex={-1} ref={heading}>{children}</h1>;
}

export function Trouble({ problem, onRetry }: { problem: Refusal; onRetry?: () => void }) {
  return (
    <div className="alert" role="alert">
      <p>{problem.message}</p>
      {onRetry && <button type="button" onClick={onRetry}>Try again</button>}
    </div>
  );
}

export const Waiting = ({ what }: { what: string }) => <p role="status" className="quiet">{what}…</p>;

/** Checkboxes for a set of regions; one that the parent lacks can't be chosen. */
export function RegionChoice({ label, regions, chosen, locked, allowed, disabled, onChange }: {
  label: string; regions: { id: string; name: string }[]; chosen: string[]; locked: string; allowed: string[]; disabled: boolean;
  onChange: (chosen: string[]) => void;
}) {
  return (
    <fieldset className="choice">
      <legend className="visually-hidden">{label}</legend>
      {regions.filter(({ id }) => allowed.includes(id)).map(({ id, name }) => (
        <label className="switch" key={id}>
          <input type="checkbox" checked={id === locked || chosen.includes(id)} disabled={disabled || id === locked}
            onChange={(event) => onChange(event.target.checked ? [...chosen, id] : chosen.filter((other) => other !== id))} />
          {name}{id === locked && <span className="quiet"> (default)</span>}
        </label>
      ))}
    </fieldset>
  );
}
