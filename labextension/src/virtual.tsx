/**
 * A list of any length, of which only the rows on the page exist.
 */

import React from 'react';

import { contentHeight, firstRow, scrollOf } from './scrolling';

/** What a list of rows needs. */
export interface IVirtualProps {
  /** What the rows are; where they become others, the first ones are shown. */
  readonly of: unknown;
  readonly total: number;
  /** Of one row, in pixels. */
  readonly height: number;
  readonly label: string;
  readonly render: (index: number) => React.ReactNode;
  /** What stands above the rows, and goes sideways with them. */
  readonly head?: React.ReactNode;
  /** Whether a row is opened by one press, as a button is. */
  readonly isMenu?: boolean;
  /** Which rows are on the page, both included. */
  readonly onSee: (first: number, last: number) => void;
  readonly onOpen: (index: number) => void;
  readonly onCopy: (first: number, last: number) => void;
  readonly selected: readonly [number, number] | null;
  readonly onSelect: (anchor: number, head: number) => void;
}

/** The rows. Arrow keys, Page, Home and End select, with Shift more than one; Enter opens, Ctrl C copies. */
export function Virtual(props: IVirtualProps): JSX.Element {
  const { total, height, selected, onSee } = props;
  const frame = React.useRef<HTMLDivElement>(null);
  const head = React.useRef<HTMLDivElement>(null);
  const [scrolled, scroll] = React.useState(0);
  const [seen, resize] = React.useState(400);
  React.useEffect(() => {
    const observer = new ResizeObserver(() => resize(frame.current?.clientHeight || 400));
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);
  React.useEffect(() => {
    frame.current!.scrollTop = 0;
  }, [props.of]);
  const { first, top } = firstRow(scrolled, seen, total, height);
  const last = Math.min(total - 1, first + Math.ceil(seen / height));
  React.useEffect(() => onSee(first, last), [first, last, onSee, props.of]);

  const reveal = (index: number) => {
    const room = Math.floor(seen / height);
    if (index < first + 1 || index >= first + room) {
      const wanted = index <= first ? index : index - room + 1;
      frame.current!.scrollTop = scrollOf(Math.max(0, wanted), seen, total, height);
    }
  };
  const select = (head: number, more: boolean) => {
    const to = Math.max(0, Math.min(head, total - 1));
    props.onSelect(more && selected ? selected[0] : to, to);
    reveal(to);
  };
  const seenBefore = React.useRef(seen);
  React.useEffect(() => {
    const wasSeen = selected && selected[1] >= first && selected[1] < first + Math.ceil(seenBefore.current / height);
    seenBefore.current = seen;
    if (wasSeen) {
      reveal(selected[1]); // it stays on the page where there is less room now
    }
  }, [seen]);
  const press = (event: React.KeyboardEvent) => {
    const head = selected?.[1] ?? first - 1;
    const page = Math.max(1, Math.floor(seen / height) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const ends: Record<string, number> = { Home: 0, End: total - 1 };
    if (event.key in steps || event.key in ends) {
      select(ends[event.key] ?? head + steps[event.key], event.shiftKey);
    } else if (event.key === 'Enter' && selected) {
      props.onOpen(selected[1]);
    } else if (event.key === 'c' && (event.ctrlKey || event.metaKey) && selected) {
      props.onCopy(Math.min(...selected), Math.max(...selected));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const [low, high] = selected ? [Math.min(...selected), Math.max(...selected)] : [-1, -1];
  const indices = total > 0 ? Array.from({ length: last - first + 1 }, (_, n) => first + n) : [];
  const rows = (
    <div
      ref={frame}
      className="torc-Virtual"
      role="listbox"
      aria-label={props.label}
      data-menu={props.isMenu}
      aria-multiselectable={!props.isMenu}
      aria-activedescendant={selected ? `torc-row-${selected[1]}` : undefined}
      tabIndex={0}
      onKeyDown={press}
      onScroll={event => {
        scroll(event.currentTarget.scrollTop);
        follow(head.current, event.currentTarget);
      }}
    >
      <div style={{ height: contentHeight(total, height) }}>
        {indices.map((index, n) => (
          <div
            key={index}
            id={`torc-row-${index}`}
            className="torc-Row"
            role="option"
            aria-selected={low <= index && index <= high}
            aria-posinset={index + 1}
            aria-setsize={total}
            style={{ top: top + n * height, height }}
            onClick={event => {
              select(index, event.shiftKey);
              if (props.isMenu) {
                props.onOpen(index);
              }
            }}
            onDoubleClick={() => props.onOpen(index)}
          >
            {props.render(index)}
          </div>
        ))}
      </div>
    </div>
  );
  return (
    <>
      {props.head && (
        <div ref={head} className="torc-Heads" onScroll={event => follow(frame.current, event.currentTarget)}>
          {props.head}
        </div>
      )}
      {rows}
    </>
  );
}

/** Scroll one element as far sideways as another. */
function follow(one: HTMLElement | null, other: HTMLElement): void {
  if (one && one.scrollLeft !== other.scrollLeft) {
    one.scrollLeft = other.scrollLeft;
  }
}
