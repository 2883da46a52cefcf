/** Walks the objects of a repository and tells what lies there, as a walk through a directory does. */
import path from 'node:path'
import { catalogProblem } from '../core/package.ts'
import { isSafeName } from '../core/relative-path.ts'
import type { KnownReadings, Sighting } from '../core/repository-storage.ts'
import type { Bucket } from './bucket.ts'
import { type DeletionNote, readNotes } from './deletion-notes.ts'
import { type FoundObject, listObjects } from './list-objects.ts'
import { decodeStamp, encodeStamp, isOfStamp, type ObjectStamp } from './object-stamp.ts'
import { headOf } from './objects.ts'
import { sideBySide } from './side-by-side.ts'

/** Questions for times that are under way at once. */
const HEADS_AT_A_TIME = 32

/**
 * Of objects that are not known, or not any more, it is asked what time was written beside them: lists do not tell.
 * @throws StorageTrouble
 */
export async function* walkBucket(
  bucket: Bucket,
  prefix: string,
  known: KnownReadings
): AsyncGenerator<readonly Sighting[]> {
  const removedAt = timesOf(await readNotes(bucket, prefix))
  for await (const page of listObjects(bucket, prefix)) {
    const objects = page
      .map((object) => ({ ...object, path: object.key.slice(prefix.length) }))
      // Programs that show directories make objects of these names for them.
      .filter((object) => !object.key.endsWith('/') && !isHidden(object.path))
      .filter((object) => !isRemoved(object.putAt, removedAt.get(object.path)))
    const safe = objects.filter((object) => isSafePath(object.path))
    const readings = await known(safe.map((object) => object.path))
    const sightings = await sideBySide(safe, HEADS_AT_A_TIME, async (object): Promise<Sighting[]> => {
      const stamp = decodeStamp(readings.get(object.path)?.stamp)
      if (stamp !== undefined && isOfStamp(object, stamp)) return [{ file: seenFile(object.path, stamp) }]
      const head = await headOf(bucket, object.key)
      return head === undefined ? [] : [{ file: seenFile(object.path, head.stamp) }]
    })
    const unsafe = objects.filter((object) => !isSafePath(object.path))
    yield [...sightings.flat(), ...unsafe.map(({ path: name }) => ({ problem: catalogProblem('unsafe-name', name) }))]
  }
}

/** Whether a note that was written then speaks of this very object, and not of one that came later. */
export function isRemoved(putAt: FoundObject['putAt'], writtenAt: Date | undefined): boolean {
  return writtenAt !== undefined && putAt <= writtenAt
}

function timesOf(notes: readonly DeletionNote[]): Map<string, Date> {
  const times = new Map<string, Date>()
  for (const { paths, writtenAt } of notes) {
    for (const name of paths) {
      const other = times.get(name)
      if (other === undefined || other < writtenAt) times.set(name, writtenAt)
    }
  }
  return times
}

function isHidden(name: string): boolean {
  return name.split('/').some((part) => part.startsWith('.') && part !== '.' && part !== '..')
}

function isSafePath(name: string): boolean {
  return name.split('/').every(isSafeName)
}

function seenFile(name: string, stamp: ObjectStamp) {
  const directory = path.posix.dirname(name)
  return {
    path: name,
    directory: directory === '.' ? '' : directory,
    name: path.posix.basename(name),
    size: stamp.size,
    modifiedAt: stamp.modifiedAt,
    stamp: encodeStamp(stamp)
  }
}
