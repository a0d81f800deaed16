/**
 * Which row of a long list stands where.
 */

/** No browser draws an element that is much higher, in pixels: above it, one pixel scrolls more than a pixel. */
const HIGHEST = 8_000_000;

/** How high all rows are together. */
export function contentHeight(total: number, height: number): number {
  return Math.min(total * height, HIGHEST);
}

/** The first row on the page, and where it stands. */
export function firstRow(scrolled: number, seen: number, total: number, height: number): { first: number; top: number } {
  const content = contentHeight(total, height);
  const exact =
    total * height <= HIGHEST
      ? scrolled / height
      : (scrolled / Math.max(1, content - seen)) * Math.max(0, total - seen / height);
  const first = Math.max(0, Math.min(Math.floor(exact), total - 1));
  return { first, top: scrolled - (exact - first) * height };
}

/** How far to scroll so that a row stands first. */
export function scrollOf(index: number, seen: number, total: number, height: number): number {
  const content = contentHeight(total, height);
  return total * height <= HIGHEST ? index * height : (index / Math.max(1, total - seen / height)) * (content - seen);
}
