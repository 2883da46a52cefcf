/**
 * Copies kept archives from one storage to another. Each archive is compared with its plan in the database, and read
 * back from the target.
 */
import { createHash } from 'node:crypto'
import { Refusal } from '../../core/problems/refusal.ts'
import { PartsLost } from '../../core/problems/storage-error.ts'
import type { ArchiveStorage } from '../../core/storage/archive-storage.ts'
import type { OpenFile } from '../../core/storage/open-file.ts'
import type { InspectionStore, KeptArchive } from '../../store/maintenance/inspection-store.ts'
import type { PlanStore } from '../../store/tasks/plan-store.ts'
import { checkEntries } from '../verify/check-entries.ts'

const BLOCK_BYTES = 1024 * 1024
/** Lease tokens for the target storage: with the first one, no part of the archive can exist there. */
const [FIRST_LEASE, FURTHER_LEASE] = [1, 2]
/** State of an archive that exists in the target, and was read back. */
const MOVED = 'moved'

const FILES_PER_STATEMENT = 500

export interface ArchiveMove {
  readonly from: ArchiveStorage
  readonly to: ArchiveStorage
  readonly store: Pick<InspectionStore, 'keptArchivePages' | 'archiveStates'>
  readonly plans: Pick<PlanStore, 'getPlan' | 'entryPages'>
  /** State of an archive by its name; survives an interruption. */
  readonly state: {
    get(name: string): Promise<string | undefined>
    set(name: string, value: string): Promise<void>
  }
  readonly onMoved: (name: string) => void
}

export interface MovedArchives {
  readonly count: number
  readonly bytes: number
  /** Archives that differ from the database and are not moved: sentences. */
  readonly leftOut: readonly string[]
}

/** @throws Refusal when the target contains other archives */
export async function moveArchives(move: ArchiveMove): Promise<MovedArchives> {
  await refuseForeign(move)
  let [count, bytes] = [0, 0]
  const leftOut: string[] = []
  for await (const archives of move.store.keptArchivePages()) {
    for (const archive of archives) {
      const wrong = await moveOne(move, archive)
      if (wrong === undefined) {
        count += 1
        bytes += archive.size
        move.onMoved(archive.name)
      } else leftOut.push(`The archive ${archive.name} ${wrong}`)
    }
  }
  return { count, bytes, leftOut }
}

/** The sweep would delete the archives of another depot. */
async function refuseForeign({ to, store }: ArchiveMove): Promise<void> {
  const names = [...new Set((await to.ownFiles()).map(({ archiveName }) => archiveName))]
  for (let start = 0; start < names.length; start += FILES_PER_STATEMENT) {
    const some = names.slice(start, start + FILES_PER_STATEMENT)
    const states = await store.archiveStates(some)
    const unknown = some.find((name) => !states.has(name))
    if (unknown !== undefined) throw occupied(`The target contains ${unknown}, an archive of another depot`)
  }
}

function occupied(what: string): Refusal {
  return new Refusal(`${what}. The target must be empty, or contain the result of an interrupted move.`)
}

/** @returns why the archive is not moved, as the end of a sentence */
async function moveOne(move: ArchiveMove, archive: KeptArchive): Promise<string | undefined> {
  const { from, to, state } = move
  const { name, size } = archive
  if ((await state.get(name)) === MOVED && (await to.hasWhole(name, size))) return undefined
  const opened = await from.open(name, '')
  if (opened === undefined) return 'is missing.'
  try {
    if (opened.size !== size) return `has ${opened.size} bytes, but should have ${size}.`
    const existing = await to.open(name, '')
    await existing?.close()
    if (existing !== undefined && existing.size !== size)
      throw occupied(`The target contains ${name} with other content`)
    const { digest, wrong } =
      existing === undefined ? await copy(move, archive, opened) : await read(move, archive, opened)
    if (wrong !== undefined) return `is damaged: ${wrong}`
    await readBack(to, archive, digest)
    await state.set(name, MOVED)
    return undefined
  } finally {
    await opened.close()
  }
}

interface CopiedContent {
  /** SHA-256 of the archive. */
  readonly digest: string
  /** The first difference from the plan, in a sentence. */
  readonly wrong: string | undefined
}

/** Continues after the part that an interrupted run has written. A damaged archive is not published. */
async function copy(move: ArchiveMove, archive: KeptArchive, opened: OpenFile): Promise<CopiedContent> {
  const { to, state } = move
  const { name, size } = archive
  const left = await state.get(name)
  await state.set(name, left ?? '0')
  const token = left === undefined ? FIRST_LEASE : FURTHER_LEASE
  const start = Number(left ?? 0) || 0
  const growing = await to.resume({ name, token, size, start, signal: new AbortController().signal })
  const output = growing.openOutput((durable) => state.set(name, String(durable)))
  try {
    const indexed = await read(move, archive, opened, async (bytes, at) => {
      const known = Math.max(0, growing.size - at)
      if (known < bytes.length) await output.append(bytes.subarray(known))
    })
    await output.end()
    await output.settle()
    if (indexed.wrong === undefined) await growing.publish()
    else await growing.discard()
    return indexed
  } catch (error) {
    await output.settle()
    if (!(error instanceof PartsLost)) {
      await growing.keep()
      throw error
    }
    await growing.discard()
    await state.set(name, '0')
    return copy(move, archive, opened)
  }
}

/** Reads the whole archive, and compares it with its plan. */
async function read(
  { plans }: ArchiveMove,
  { planId }: KeptArchive,
  opened: OpenFile,
  onBytes: (bytes: Buffer, at: number) => Promise<void> = async () => {}
): Promise<CopiedContent> {
  const hash = createHash('sha256')
  const { directoryOffset } = await plans.getPlan(planId)
  const check = checkEntries(plans.entryPages(planId), directoryOffset)
  await eachBlock(opened, async (bytes, at) => {
    hash.update(bytes)
    await check.take(bytes)
    await onBytes(bytes, at)
  })
  return { digest: hash.digest('hex'), wrong: check.difference() }
}

async function readBack(to: ArchiveStorage, { name, size }: KeptArchive, digest: string): Promise<void> {
  const opened = await to.open(name, '')
  if (opened === undefined) throw new Refusal(`The archive ${name} was written, but is missing in the target.`)
  try {
    const hash = createHash('sha256')
    await eachBlock(opened, async (bytes) => void hash.update(bytes))
    if (opened.size === size && hash.digest('hex') === digest) return
    throw new Refusal(
      `The archive ${name} in the target differs from the source. Remove it from the target, and start again.`
    )
  } finally {
    await opened.close()
  }
}

async function eachBlock(opened: OpenFile, onBlock: (bytes: Buffer, at: number) => Promise<void>): Promise<void> {
  const buffer = Buffer.allocUnsafe(BLOCK_BYTES)
  for (let at = 0; at < opened.size; ) {
    const length = await opened.readInto(buffer, at)
    if (length === 0) throw new Refusal(`The archive ${opened.name} ends after ${at} bytes.`)
    await onBlock(buffer.subarray(0, length), at)
    at += length
  }
}
