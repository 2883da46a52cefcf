/** Caches the result of a slow read for a second, for all its callers. */

export const KEPT_MS = 1_000

/**
 * @param make runs once at a time; a rejection goes to the waiting callers, and is not kept
 * @param keptMs milliseconds after the result is there
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
