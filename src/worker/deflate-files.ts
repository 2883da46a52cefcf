/**
 * Fills the cache of deflated forms: each new content is tried out once, and deflated once if it is worth it, in segments on all
 * cores. That is done before a catalog is published, so that the archives of one catalog are always the same bytes.
 */
import { crc32 } from 'node:zlib'
import { combineCrc32 } from '../core/combine-crc32.ts'
import { type Deflated, isWorthwhile, MIN_DEFLATED_FILE_BYTES } from '../core/deflation.ts'
import { giveBack } from '../core/give-back.ts'
import { type DeflatedFiles, type DeflatedInProgress, deflatedName } from '../files/deflated-files.ts'
import type { DeflationStore, UnjudgedFile } from '../store/deflation-store.ts'
import type { DeflatingPool } from './deflating-pool.ts'
import type { Segment } from './deflating-thread.ts'

export interface DeflationOptions {
  readonly store: DeflationStore
  readonly pool: DeflatingPool
  readonly files: DeflatedFiles
  /** `store`: nothing is deflated, and what was is forgotten. */
  readonly mode: 'auto' | 'store'
  /** Whether other servers have caches of their own: then one lacks forms that the depot has. */
  readonly hasOthers?: boolean
  /** How much more the cache may hold. */
  readonly roomBytes: () => Promise<number>
}

export interface DeflationRun {
  readonly root: string
  /** The files that this scan has found, or those of the catalog when it is current. */
  readonly where: 'found_file' | 'file'
  /** Told how many more bytes are going to be deflated. */
  readonly onFound: (bytes: number) => Promise<void>
  /** Told how many more of them are. */
  readonly onDone: (bytes: number) => void
  readonly signal: AbortSignal
}

const PAGE_FILES = 500
const FILES_PER_SAMPLING = 25

/** Large enough that the segments' ends cost nothing, small enough to be shared out. */
export const SEGMENT_BYTES = 2 * 1024 * 1024

/** So many forms wait for the disk at a time. */
const MAX_ENDING = 8

/** A file that cannot be read, and a form that cannot be written, are left to the next scan: they are stored until then. */
export async function deflateNew(options: DeflationOptions, run: DeflationRun): Promise<void> {
  const { store, mode, roomBytes } = options
  if (mode === 'store') return
  if (options.hasOthers !== true) await forgetLost(options)
  for (let after = '', more = true; more; ) {
    const page = await store.unjudgedPage(run.where, MIN_DEFLATED_FILE_BYTES, after, PAGE_FILES)
    let room = await roomBytes()
    const worthwhile = (await worthwhileOf(page, options, run)).filter(({ size }) => {
      room -= size
      return room >= 0
    })
    await run.onFound(worthwhile.reduce((sum, { size }) => sum + size, 0))
    await deflateAll(worthwhile, options, run)
    after = page.at(-1)?.sha256 ?? ''
    more = page.length === PAGE_FILES
  }
}

/** Removes from the cache what neither the catalog nor an archive that is still to be read needs. */
export async function sweepDeflated({
  store,
  files,
  mode
}: Omit<DeflationOptions, 'pool' | 'roomBytes'>): Promise<void> {
  await store.forgetUnused(mode === 'store' ? 'all' : 'unknown')
  await removeUnneeded({ store, files })
}

/** Removes from this server's cache what the depot does not need any more. */
export async function removeUnneeded({ store, files }: Pick<DeflationOptions, 'store' | 'files'>): Promise<void> {
  // In this order: whatever is planned meanwhile is planned with a form that is still known.
  const known = await store.deflated()
  const needed = new Set([...known, ...(await store.planned())].map(deflatedName))
  for (const name of await files.names()) if (!needed.has(name) && !files.isInTheMaking(name)) files.remove(name)
}

/** Somebody may have removed files of the cache. */
async function forgetLost({ store, files }: DeflationOptions): Promise<void> {
  const names = new Set(await files.names())
  const lost = (await store.deflated()).filter((key) => !names.has(deflatedName(key)))
  await store.forget(lost.map(({ sha256 }) => sha256))
}

async function worthwhileOf(
  page: readonly UnjudgedFile[],
  { store, pool }: DeflationOptions,
  { root, signal }: DeflationRun
): Promise<UnjudgedFile[]> {
  const portions = Array.from({ length: Math.ceil(page.length / FILES_PER_SAMPLING) }, (_, index) =>
    page.slice(index * FILES_PER_SAMPLING, (index + 1) * FILES_PER_SAMPLING)
  )
  const sampled = (await Promise.all(portions.map((files) => pool.sample({ root, files })))).flat()
  signal.throwIfAborted()
  const isWorth = (index: number) => {
    const sample = sampled[index]
    return sample && isWorthwhile(sample.bytes, sample.deflatedBytes)
  }
  const stored = page.filter((_, index) => isWorth(index) === false)
  await store.save(stored.map(({ sha256 }) => ({ sha256, deflated: undefined })))
  return page.filter((_, index) => isWorth(index) === true)
}

interface PendingSegment {
  readonly file: UnjudgedFile
  readonly length: number
  readonly isLast: boolean
  readonly segment: Promise<Segment | undefined>
}

/** Segments are made in any order, some ahead, and taken in theirs. */
async function deflateAll(files: readonly UnjudgedFile[], options: DeflationOptions, run: DeflationRun): Promise<void> {
  const { pool } = options
  const ahead: PendingSegment[] = []
  /** Forms that are being brought to the disk: the threads do not wait for it. */
  const ending = new Set<Promise<void>>()
  let form: DeflatedForm | undefined

  async function takeFirst(): Promise<void> {
    const pending = ahead.shift()
    if (pending === undefined) return
    form ??= new DeflatedForm(pending.file, options)
    form.add(await pending.segment, pending.length)
    run.onDone(pending.length)
    if (!pending.isLast) return
    const ended = form.end().finally(() => ending.delete(ended))
    // Whoever waits for it next gets the error.
    ended.catch(() => {})
    ending.add(ended)
    form = undefined
    if (ending.size > MAX_ENDING) await Promise.race(ending)
  }

  try {
    for (const file of files) {
      for (let start = 0; start < file.size; start += SEGMENT_BYTES) {
        run.signal.throwIfAborted()
        const length = Math.min(SEGMENT_BYTES, file.size - start)
        const isLast = start + length === file.size
        const segment = pool.deflate({ root: run.root, path: file.path, start, length, isLast })
        // Whoever takes it gets the error.
        segment.catch(() => {})
        ahead.push({ file, length, isLast, segment })
        if (ahead.length >= pool.jobsAtATime) await takeFirst()
      }
    }
    while (ahead.length > 0) await takeFirst()
    await Promise.all(ending)
    options.files.settle()
  } finally {
    form?.giveUp()
    await Promise.allSettled([...ahead.map(({ segment }) => segment), ...ending])
  }
}

/** A disk that is full, or broken, is tolerated. */
function throwUnlessOfSystem(error: unknown): void {
  if (!/^E[A-Z]+$/.test((error as NodeJS.ErrnoException).code ?? '')) throw error
}

/** The deflated form of one file, as it grows. */
class DeflatedForm {
  readonly #file: UnjudgedFile
  readonly #options: DeflationOptions
  #output: DeflatedInProgress | undefined
  #isFailed = false
  #size = 0
  #crc32 = 0
  #contentCrc32 = 0

  constructor(file: UnjudgedFile, options: DeflationOptions) {
    this.#file = file
    this.#options = options
  }

  /** @param length of the segment before it was deflated */
  add(segment: Segment | undefined, length: number): void {
    if (segment === undefined) this.giveUp()
    if (segment === undefined || this.#isFailed) return
    this.#size += segment.deflated.length
    this.#crc32 = crc32(segment.deflated, this.#crc32)
    this.#contentCrc32 = combineCrc32(this.#contentCrc32, segment.crc32, length)
    this.#attempt(() => {
      this.#output ??= this.#options.files.begin(this.#file.sha256)
      this.#output.write(segment.deflated)
    })
    giveBack(segment.deflated)
  }

  async end(): Promise<void> {
    const { sha256, size } = this.#file
    // It has changed since its digests were made.
    if (this.#contentCrc32 !== this.#file.crc32) this.giveUp()
    if (this.#isFailed) return
    const deflated = { size: this.#size, crc32: this.#crc32 }
    const isWorth = isWorthwhile(size, this.#size)
    if (isWorth) await this.#publish(deflated)
    else this.giveUp()
    if (!isWorth || !this.#isFailed) {
      await this.#options.store.save([{ sha256, deflated: isWorth ? deflated : undefined }])
    }
  }

  giveUp(): void {
    if (!this.#isFailed) this.#output?.discard()
    this.#isFailed = true
  }

  /** The file is closed then, whatever comes of it. */
  async #publish(deflated: Deflated): Promise<void> {
    try {
      await this.#output?.publish(deflated)
    } catch (error) {
      this.#isFailed = true
      throwUnlessOfSystem(error)
    }
  }

  #attempt(action: () => void): void {
    try {
      action()
    } catch (error) {
      throwUnlessOfSystem(error)
      this.giveUp()
    }
  }
}
