/** Compares the bytes of an archive, as they come, with the CRC-32 that each file in it should have. */
import { crc32 } from 'node:zlib'
import type { PlanEntry } from '../../core/export/export.ts'

export interface EntryCheck {
  /** The next bytes of the archive. */
  take(bytes: Buffer): Promise<void>
  /** What is wrong with the bytes so far, in a sentence; undefined when nothing is. */
  wrong(): string | undefined
}

/**
 * @param pages the entries in their order; without any, nothing is compared
 * @param end where the content of the last entry ends
 */
export function checkEntries(pages: AsyncIterable<readonly PlanEntry[]>, end: number): EntryCheck {
  const entries = one(pages)
  let position = 0
  let current: PlanEntry | undefined
  let next: PlanEntry | undefined
  let sum = 0
  let isBegun = false
  let wrong: string | undefined

  async function advance(): Promise<void> {
    current = next
    const { done, value } = await entries.next()
    next = done ? undefined : value
    sum = 0
  }

  return {
    async take(bytes) {
      if (!isBegun) {
        isBegun = true
        await advance()
        await advance()
      }
      const to = position + bytes.length
      while (current !== undefined) {
        // Between one file's content and the next one there is nothing but the header of that one.
        const contentEnd = next?.offset ?? end
        const contentStart = contentEnd - current.size
        const [from, until] = [Math.max(contentStart, position), Math.min(contentEnd, to)]
        if (from < until) sum = crc32(bytes.subarray(from - position, until - position), sum)
        if (to < contentEnd) break
        if (sum !== current.crc32) wrong ??= `${current.path} has other bytes than it should.`
        await advance()
      }
      position = to
    },
    wrong: () => wrong
  }
}

async function* one(pages: AsyncIterable<readonly PlanEntry[]>): AsyncGenerator<PlanEntry> {
  for await (const page of pages) yield* page
}
