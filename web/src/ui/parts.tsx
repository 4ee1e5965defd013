// The small set that every page is made of.

import type { CombinedError } from '@urql/core';
import { useEffect, useId, useRef, useState, type ComponentProps, type ReactNode } from 'react';

import { fieldOf, sentence } from '../api/errors';
import { named } from './title';

/** Whether the person has done anything, and a page was there before: until then nothing takes the focus. */
let acted = false;
let pages = 0;
for (const kind of ['keydown', 'pointerdown']) addEventListener(kind, () => (acted = true), { once: true, capture: true });

/**
 * A page. Its heading gets the focus, and so is read out, when one comes here by a link, and when what had the focus is gone
 * because the page is about something else now.
 */
export function Page({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (pages > 0 && acted) heading.current?.focus();
    pages += 1;
  }, []);
  useEffect(() => {
    named(title);
    if (acted && document.activeElement === document.body) heading.current?.focus();
  }, [title]);
  return (
    <>
      <div className="head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {aside}
      </div>
      {children}
    </>
  );
}

/** A part of a page, with a heading. */
export function Card({
  title,
  aside,
  call,
  children,
}: {
  title?: ReactNode;
  aside?: ReactNode;
  call?: boolean;
  children: ReactNode;
}) {
  const id = useId();
  return (
    <section className={call ? 'card call' : 'card'} aria-labelledby={title ? id : undefined}>
      {title && (
        <div className="apart">
          <h2 id={id}>{title}</h2>
          {aside}
        </div>
      )}
      {children}
    </section>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div className="state" role="status">
      Loading {what} …
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <strong>{title}</strong>
      {children && <span>{children}</span>}
    </div>
  );
}

/** What went wrong, in a sentence, and the way on. */
export function Failure({ error, retry }: { error: CombinedError; retry?: () => void }) {
  return (
    <div className="state" role="alert">
      <strong>{sentence(error)}</strong>
      {retry && <button onClick={retry}>Try again</button>}
    </div>
  );
}

/** The same beside the button that was pressed; not what one of the form's fields says itself. */
export function Refusal({ error, fields = [] }: { error: CombinedError | undefined; fields?: string[] }) {
  const said = fields.includes(fieldOf(error) ?? '');
  return (
    <p className="bad" role="alert">
      {error && !said && sentence(error)}
    </p>
  );
}

/** `error` is said at the field where it is about it: by the name of the field, or `about`. */
type FieldProps = ComponentProps<'input'> & { label: string; hint?: string; error?: CombinedError; about?: string };

export function Field({ label, hint, error, about, ...input }: FieldProps) {
  const id = useId();
  const at = useRef<HTMLInputElement>(null);
  const wrong = fieldOf(error) !== undefined && fieldOf(error) === (about ?? input.name) ? error : undefined;
  useEffect(() => {
    if (wrong) at.current?.focus();
  }, [wrong]);
  const told = [wrong && `${id}-wrong`, hint && `${id}-hint`].filter(Boolean).join(' ');
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} ref={at} aria-describedby={told || undefined} aria-invalid={wrong ? true : undefined} {...input} />
      {wrong && (
        <span className="bad" id={`${id}-wrong`} role="alert">
          {sentence(wrong)}
        </span>
      )}
      {hint && (
        <span className="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

interface OneOf<T extends string> {
  label: string;
  value: T;
  options: { value: T; label: string }[];
  onChange: (value: T) => void;
}

export function Select<T extends string>({ label, value, options, onChange }: OneOf<T>) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChange(event.target.value as T)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}

/** One of a few. */
export function Choice<T extends string>({ label, value, options, onChange }: OneOf<T>) {
  return (
    <div className="choice" role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option.value} type="button" aria-pressed={option.value === value} onClick={() => onChange(option.value)}>
          {option.label}
        </button>
      ))}
    </div>
  );
}

/** The browser's own dialog: it keeps the focus inside, and Escape closes it. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={close}>
      <div>
        <div className="apart">
          <h2 id={id}>{title}</h2>
          <button className="bare" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}

export function Badge({ tone, children }: { tone?: 'good' | 'bad' | 'warn' | 'accent'; children: ReactNode }) {
  return <span className={tone ? `badge ${tone}` : 'badge'}>{children}</span>;
}

/** The time, every so many milliseconds. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

const AGO = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

function ago(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (Math.abs(seconds) < 5) return 'now';
  if (Math.abs(seconds) < 60) return AGO.format(-seconds, 'second');
  if (Math.abs(seconds) < 3600) return AGO.format(-Math.round(seconds / 60), 'minute');
  if (Math.abs(seconds) < 86_400) return AGO.format(-Math.round(seconds / 3600), 'hour');
  return AGO.format(-Math.round(seconds / 86_400), 'day');
}

/** An instant, as people say it; the exact one is its title. */
export function When({ at }: { at: string }) {
  const now = useNow(10_000);
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {ago(now - Date.parse(at))}
    </time>
  );
}

/** Seconds as 1:05. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return value < 60 ? `${Math.round(value)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}

const NUMBER = new Intl.NumberFormat('en');

export function number(value: number): string {
  return NUMBER.format(value);
}
