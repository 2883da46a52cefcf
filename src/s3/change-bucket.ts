/** Makes the changes of an import in a bucket: all of them, or none. */
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { StorageTrouble } from '../core/archive-trouble.ts'
import type { ImportChange } from '../core/import.ts'
import { checkRelativePath } from '../core/relative-path.ts'
import type { RepositoryChange } from '../core/repository-storage.ts'
import type { Bucket } from './bucket.ts'
import { removeNote, writeNote } from './deletion-notes.ts'
import { listObjects } from './list-objects.ts'
import { copyObject, headOf, removeObject } from './objects.ts'
import { putFile } from './put-file.ts'
import { sideBySide } from './side-by-side.ts'

/** What an import replaces is kept below this until the import has ended. */
const REPLACED = '.fixdepot-replaced-'

const QUESTIONS_AT_A_TIME = 32
const FILES_AT_A_TIME = 4

interface ChangeOptions {
  readonly bucket: Bucket
  readonly prefix: string
  readonly signal: AbortSignal
}

/** @param staging directory that the staged files are in; they stay there. @throws StorageTrouble, the system's error, the signal's reason */
export async function changeBucket(
  staging: string,
  changes: readonly ImportChange[],
  options: ChangeOptions
): Promise<RepositoryChange> {
  const { bucket, prefix, signal } = options
  const aside = `${prefix}${REPLACED}${randomUUID()}/`
  const keyOf = (file: string) => prefix + checkRelativePath(file)
  const coming = changes.filter(({ staged }) => staged !== undefined).map((change) => change.path)
  const going = changes.filter(({ staged }) => staged === undefined).map((change) => change.path)
  const replaced: string[] = []
  const stamps = new Map<string, string>()
  let note: string | undefined

  async function restore(): Promise<void> {
    const never = new AbortController().signal
    await sideBySide([...stamps.keys()], QUESTIONS_AT_A_TIME, async (file) => {
      if (replaced.includes(file)) await copyObject(bucket, aside + file, keyOf(file), { signal: never })
      else await removeObject(bucket, keyOf(file))
    })
    if (note !== undefined) await removeNote(bucket, note)
    await forget()
  }

  const forget = () =>
    tolerantly(async () => {
      await sideBySide(replaced, QUESTIONS_AT_A_TIME, (file) => removeObject(bucket, aside + file))
    })

  try {
    await sideBySide(coming, QUESTIONS_AT_A_TIME, async (file) => {
      if ((await headOf(bucket, keyOf(file))) === undefined) return
      await copyObject(bucket, keyOf(file), aside + file, { signal })
      replaced.push(file)
    })
    await sideBySide(changes, FILES_AT_A_TIME, async ({ path: file, staged }) => {
      if (staged === undefined) return
      stamps.set(file, '')
      stamps.set(file, await putFile(bucket, keyOf(file), path.join(staging, checkRelativePath(staged)), signal))
    })
    if (going.length > 0) note = await writeNote(bucket, prefix, going)
  } catch (error) {
    await tolerantly(restore)
    throw error
  }
  return {
    stamps,
    restore,
    async remove() {
      await forget()
      if (note !== undefined) await removeNoted(bucket, prefix, { key: note, paths: going })
    }
  }
}

/** Removes what a note names, and then the note; what cannot be removed now goes with the next start. */
export async function removeNoted(
  bucket: Bucket,
  prefix: string,
  { key, paths }: { readonly key: string; readonly paths: readonly string[] }
): Promise<void> {
  await tolerantly(async () => {
    await sideBySide(paths, QUESTIONS_AT_A_TIME, (file) => removeObject(bucket, prefix + checkRelativePath(file)))
    await removeNote(bucket, key)
  })
}

/** What imports have kept that did not come to their end: they have all been made, or made again. */
export async function sweepReplaced(bucket: Bucket, prefix: string): Promise<void> {
  for await (const page of listObjects(bucket, prefix + REPLACED)) {
    await sideBySide(page, QUESTIONS_AT_A_TIME, ({ key }) => removeObject(bucket, key))
  }
}

async function tolerantly(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof StorageTrouble)) throw error
  }
}
