/** What is asked for by many is made once, and given to all who ask within a second. */

export const KEPT_MS = 1_000

/**
 * @param make is never called twice at a time; a rejection is given to those who wait for it, and not kept
 * @param keptMs since it was made
 */
export function keepBriefly<Made>(
  make: () => Promise<Made>,
  keptMs: number = KEPT_MS,
  clock: () => number = () => performance.now()
): () => Promise<Made> {
  let kept: { readonly made: Promise<Made>; until: number } | undefined
  return () => {
    if (kept !== undefined && clock() < kept.until) return kept.made
    const current = { made: make(), until: Number.POSITIVE_INFINITY }
    kept = current
    current.made.then(
      () => {
        current.until = clock() + keptMs
      },
      () => {
        if (kept === current) kept = undefined
      }
    )
    return current.made
  }
}
