/** Where the checks say what they have found. */
export interface Findings {
  /** Something is not as it should be. */
  report(area: Area, sentence: string): void
  /** Something that the operator may want to know, and that is nobody's fault. */
  note(sentence: string): void
  /** A check could not be made. */
  giveUp(sentence: string): void
}

export type Area = 'database' | 'archive' | 'cache' | 'catalog'

/** What the doctor has come to: everything is sound, something is not, or it could not tell. */
export const SOUND = 0
export const UNSOUND = 1
export const UNKNOWN = 2

/** @param print takes a line without its end */
export function createFindings(print: (line: string) => void) {
  const counts: Record<Area, number> = { database: 0, archive: 0, cache: 0, catalog: 0 }
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
    /** Prints the summary, and gives back the code to exit with. */
    sum(): number {
      const total = counts.database + counts.archive + counts.cache + counts.catalog
      const parts = `database ${counts.database}, archives ${counts.archive}, cache ${counts.cache}, catalog ${counts.catalog}`
      if (total > 0) print(`${total === 1 ? '1 finding' : `${total} findings`}: ${parts}.`)
      else if (isComplete) print('Everything is sound.')
      if (!isComplete) print('Not everything could be checked.')
      if (!isComplete) return UNKNOWN
      return total > 0 ? UNSOUND : SOUND
    }
  }
}
