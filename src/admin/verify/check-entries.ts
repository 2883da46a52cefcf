/** Compares a stream of the bytes of an archive with the planned CRC-32 of each file. */
import { crc32 } from 'node:zlib'
import type { PlanEntry } from '../../core/export/plan.ts'

export interface EntryCheck {
  /** @param bytes the next ones of the archive */
  take(bytes: Buffer): Promise<void>
  /** The first difference so far, in a sentence. */
  difference(): string | undefined
}

/**
 * @param pages the entries in their order; without entries, nothing is compared
 * @param end offset at which the content of the last entry ends
 */
export function checkEntries(pages: AsyncIterable<readonly PlanEntry[]>, end: number): EntryCheck {
  const entries = flatten(pages)
  let position = 0
  let current: PlanEntry | undefined
  let next: PlanEntry | undefined
  let sum = 0
  let isStarted = false
  let difference: string | undefined

  async function advance(): Promise<void> {
    current = next
    const { done, value } = await entries.next()
    next = done ? undefined : value
    sum = 0
  }

  return {
    async take(bytes) {
      if (!isStarted) {
        isStarted = true
        await advance()
        await advance()
      }
      const to = position + bytes.length
      while (current !== undefined) {
        // Only the header of the next file is between two contents.
        const contentEnd = next?.offset ?? end
        const contentStart = contentEnd - current.size
        const [from, until] = [Math.max(contentStart, position), Math.min(contentEnd, to)]
        if (from < until) sum = crc32(bytes.subarray(from - position, until - position), sum)
        if (to < contentEnd) break
        if (sum !== current.crc32) difference ??= `The content of ${current.path} differs from the plan.`
        await advance()
      }
      position = to
    },
    difference: () => difference
  }
}

async function* flatten(pages: AsyncIterable<readonly PlanEntry[]>): AsyncGenerator<PlanEntry> {
  for await (const page of pages) yield* page
}
