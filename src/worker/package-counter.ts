import type { PlanEntry } from '../core/export.ts'

/** Tells how many packages are whole in the first so many bytes of an archive; remembers only what is not durable yet. */
export class PackageCounter {
  #ends: { offset: number; packagesDone: number }[] = []
  #doneBefore = 0
  #done = 0

  /** Told of each entry in its order: where it begins, the packages before it are whole. */
  expect(entry: Pick<PlanEntry, 'offset' | 'packagesDone'>): void {
    this.#ends.push({ offset: entry.offset, packagesDone: this.#doneBefore })
    this.#doneBefore = entry.packagesDone
  }

  /** @param bytes never fewer than the last time */
  within(bytes: number): number {
    const open = this.#ends.findIndex((end) => end.offset > bytes)
    const passed = open === -1 ? this.#ends.length : open
    this.#done = this.#ends[passed - 1]?.packagesDone ?? this.#done
    this.#ends = this.#ends.slice(passed)
    return this.#done
  }
}
