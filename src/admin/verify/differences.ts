/** What a verification found wrong with an archive, in sentences: the first ones, and the number of all. */
export interface Differences {
  readonly differences: readonly string[]
  readonly differenceCount: number
}

export type ReportDifference = (sentence: string) => void

const MAX_KEPT = 100

export function createDifferenceList() {
  const differences: string[] = []
  let differenceCount = 0
  return {
    add(sentence: string): void {
      differenceCount += 1
      if (differences.length < MAX_KEPT) differences.push(sentence)
    },
    list: (): Differences => ({ differences, differenceCount })
  }
}
