// Pages that are loaded when they are wanted, or once there is nothing else to do.

import { useEffect, useRef, useState, type ComponentType } from 'react';

import { kept, keep } from '../api/kept';
import { comebacks, doubt, online, reached } from '../api/reach';
import { useStore } from '../api/store';
import { Empty, Loading, Page } from './parts';

type Module<P> = Promise<{ default: ComponentType<P> }>;
type Later<P> = ComponentType<P> & { load: () => Promise<unknown> };

const LOADED_ANEW = 'rankedhonor.loaded-anew';
const SELDOM_MS = 30_000;

/** A server that is there but has not this part of the page has a newer page: that is loaded, but not over and over. */
function loadAnew(): void {
  const now = Date.now();
  const before = Number(kept(LOADED_ANEW, 'sessionStorage'));
  if (now - before < SELDOM_MS) return;
  keep(LOADED_ANEW, String(now), 'sessionStorage');
  location.reload();
}

/** A page of its own file. It comes once it can be had: what cannot be loaded is tried again when the server is back. */
export function later<P extends object>(bring: () => Module<P>): Later<P> {
  let Loaded: ComponentType<P> | undefined;
  const load = async () => {
    Loaded ??= (await bring()).default;
    return Loaded;
  };
  function Coming(props: P) {
    const [, came] = useState(Loaded !== undefined);
    const [failed, setFailed] = useState(false);
    const back = useStore(comebacks);
    const first = useRef(back);
    const offline = !useStore(online);
    const away = !useStore(reached);
    useEffect(() => {
      let over = false;
      load().then(
        () => over || came(true),
        () => {
          if (over) return;
          setFailed(true);
          // Browsers may remember that it failed, and not ask again.
          if (back === first.current) doubt();
          else if (online.get() && reached.get()) loadAnew();
        },
      );
      return () => {
        over = true;
      };
    }, [back]);
    if (Loaded) return <Loaded {...props} />;
    if (!failed) return <Loading what="the page" />;
    return (
      <Page title="This page could not be loaded">
        <Empty title={offline || away ? 'The server cannot be reached.' : 'The server may have a newer one.'}>
          {offline || away ? 'It is loaded as soon as that is possible.' : null}
          <button type="button" onClick={() => location.reload()}>
            Load it again
          </button>
        </Empty>
      </Page>
    );
  }
  return Object.assign(Coming, { load });
}

/** Loads them one by one while nothing else is to do, so that they are there when the server is not. */
export function loadAhead(pages: Pick<Later<never>, 'load'>[]): () => void {
  const idle = window.requestIdleCallback ?? ((then: () => void) => setTimeout(then, 500));
  let left = [...pages];
  let over = false;
  const next = async () => {
    for (const page of [...left]) {
      await new Promise<unknown>((free) => idle(free));
      if (over) return;
      await page.load().then(
        () => (left = left.filter((other) => other !== page)),
        () => undefined,
      );
    }
  };
  const saving = (navigator as { connection?: { saveData?: boolean } }).connection?.saveData;
  if (!saving) setTimeout(() => void next(), 1_000);
  const leave = comebacks.subscribe(() => saving || void next());
  return () => {
    over = true;
    leave();
  };
}
