/** Collects the results of the checks. */
export interface Findings {
  /** An error in the depot. */
  report(area: Area, sentence: string): void
  /** Information for the operator that is not an error. */
  note(sentence: string): void
  /** A check was not possible. */
  giveUp(sentence: string): void
}

export type Area = 'database' | 'archive' | 'catalog'

/** Exit codes: no findings, findings, or not everything could be checked. */
export const SOUND = 0
export const UNSOUND = 1
export const UNKNOWN = 2

/** @param print gets a line without its line break */
export function createFindings(print: (line: string) => void) {
  const counts: Record<Area, number> = { database: 0, archive: 0, catalog: 0 }
  let isComplete = true
  return {
    report(area: Area, sentence: string): void {
      counts[area] += 1
      print(`${area}: ${sentence}`)
    },
    note: (sentence: string) => print(`note: ${sentence}`),
    giveUp(sentence: string): void {
      isComplete = false
      print(`cannot check: ${sentence}`)
    },
    /** Prints the summary. @returns the exit code */
    sum(): number {
      const total = counts.database + counts.archive + counts.catalog
      const parts = `database ${counts.database}, archives ${counts.archive}, catalog ${counts.catalog}`
      if (total > 0) print(`${total === 1 ? '1 finding' : `${total} findings`}: ${parts}.`)
      else if (isComplete) print('Everything is sound.')
      if (!isComplete) print('Not everything could be checked.')
      if (!isComplete) return UNKNOWN
      return total > 0 ? UNSOUND : SOUND
    }
  }
}
