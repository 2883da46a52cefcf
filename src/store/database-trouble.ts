/** Tells troubles of the database that pass from those that stay, and from bugs. */
const PASSING = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY)/

/** Whether trying again later can help: somebody else writes, the disk is full or does not answer. */
export function isPassingTrouble(error: unknown): boolean {
  return PASSING.test(String((error as { code?: unknown } | null)?.code))
}
