/**
 * Moves kept archives from one storage to another. Each is compared with what the database knows of it, and read back
 * where it has come to.
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
/** For the storage: nothing of it can be there yet, or something may. */
const [FIRST_LEASE, FURTHER_LEASE] = [1, 2]
/** Marks an archive that is there, and was read back. */
const MOVED = 'moved'

const FILES_PER_STATEMENT = 500

export interface ArchiveMove {
  readonly from: ArchiveStorage
  readonly to: ArchiveStorage
  readonly store: Pick<InspectionStore, 'keptArchivePages' | 'archiveStates'>
  readonly plans: Pick<PlanStore, 'getPlan' | 'entryPages'>
  /** What is known of an archive by its name, also after an interruption. */
  readonly state: {
    get(name: string): Promise<string | undefined>
    set(name: string, value: string): Promise<void>
  }
  readonly onMoved: (name: string) => void
}

export interface MovedArchives {
  readonly count: number
  readonly bytes: number
  /** What is not as the database knows it, and stays where it is: sentences. */
  readonly leftOut: readonly string[]
}

/** @throws Refusal when something else is where the archives are to be */
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

/** Another depot would have its archives swept away. */
async function refuseForeign({ to, store }: ArchiveMove): Promise<void> {
  const names = [...new Set((await to.ownFiles()).map(({ archiveName }) => archiveName))]
  for (let start = 0; start < names.length; start += FILES_PER_STATEMENT) {
    const some = names.slice(start, start + FILES_PER_STATEMENT)
    const states = await store.archiveStates(some)
    const unknown = some.find((name) => !states.has(name))
    if (unknown !== undefined) throw occupied(`${unknown}, an archive of another depot, is there`)
  }
}

function occupied(what: string): Refusal {
  return new Refusal(`${what} already. The place of archives must be empty, or have what an interrupted move has left.`)
}

/** @returns what is wrong with the archive when it is not moved */
async function moveOne(move: ArchiveMove, archive: KeptArchive): Promise<string | undefined> {
  const { from, to, state } = move
  const { name, size } = archive
  if ((await state.get(name)) === MOVED && (await to.hasWhole(name, size))) return undefined
  const opened = await from.open(name, '')
  if (opened === undefined) return 'is not there.'
  try {
    if (opened.size !== size) return `has ${opened.size} bytes, and should have ${size}.`
    const there = await to.open(name, '')
    await there?.close()
    if (there !== undefined && there.size !== size) throw occupied(`${name} with other content is there`)
    const { digest, wrong } =
      there === undefined ? await copy(move, archive, opened) : await read(move, archive, opened)
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
  /** What is not as it was planned: a sentence. */
  readonly wrong: string | undefined
}

/** Goes on with what a former run has left there. What is wrong does not become visible. */
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

/** Reads the archive from its first byte to its last one, and compares it with its plan. */
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
  if (opened === undefined) throw new Refusal(`The archive ${name} was written, and is not there.`)
  try {
    const hash = createHash('sha256')
    await eachBlock(opened, async (bytes) => void hash.update(bytes))
    if (opened.size === size && hash.digest('hex') === digest) return
    throw new Refusal(
      `The archive ${name} is there with other bytes than it has here. Remove it there, and begin again.`
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
