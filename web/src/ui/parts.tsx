// The small set that every page is made of.

import type { CombinedError } from '@urql/core';
import { useEffect, useId, useRef, useState, type ComponentProps, type ReactNode } from 'react';

import { codeOf, fieldOf, sentence } from '../api/errors';
import { restoring } from './place';
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
    if (pages > 0 && acted) heading.current?.focus({ preventScroll: restoring() });
    pages += 1;
    // Where there is no room for all of them, the tab of this page is in sight.
    for (const tab of document.querySelectorAll('.nav [aria-current]'))
      tab.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, []);
  useEffect(() => {
    named(title);
    if (acted && document.activeElement === document.body) heading.current?.focus({ preventScroll: restoring() });
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

/** What another try does not change. */
const FINAL = ['BAD_USER_INPUT', 'NOT_FOUND', 'FORBIDDEN'];

/** What went wrong, in a sentence, and the way on. */
export function Failure({ error, retry }: { error: CombinedError; retry?: () => void }) {
  const again = FINAL.includes(codeOf(error) ?? '') ? undefined : retry;
  return (
    <div className="state" role="alert">
      <strong>{sentence(error)}</strong>
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
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

/** The browser's own dialog: it keeps the focus inside, and Escape or a press beside it closes it. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onClose={close}
      // Only what is beside the content, which fills the dialog.
      onPointerDown={(event) => event.target === dialog.current && dialog.current?.close()}
    >
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

/** What is typed, once it has rested for a moment. */
export function useTyped<T>(value: T): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), TYPING_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return rested;
}

const TYPING_MS = 200;

/** The time, every so many milliseconds. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** The page is in English, and so are its numbers and dates, whatever the browser speaks. */
const LOCALE = 'en';
const AGO = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' });
const DAY = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium' });
const MOMENT = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'short' });

/** An instant as a date. */
export function day(at: string): string {
  return DAY.format(new Date(at));
}

/** An instant as date and time. */
export function moment(at: string): string {
  return MOMENT.format(new Date(at));
}

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
    <time dateTime={at} title={moment(at)}>
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

const NUMBERS = [0, 1, 2].map(
  (digits) => new Intl.NumberFormat(LOCALE, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
);

export function number(value: number, digits: 0 | 1 | 2 = 0): string {
  return NUMBERS[digits]!.format(value);
}
