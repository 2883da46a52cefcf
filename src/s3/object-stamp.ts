/**
 * The stamp of an object, as the catalog keeps it: its size, its ETag, and its time. The time is the one that whoever put it there has
 * written beside it (`x-amz-meta-mtime`, as rclone and fixdepot do), or else when it was put there. Lists tell only the latter; so a
 * stamp says which one it has, and of an object that is known nobody has to ask again.
 */

export interface ObjectStamp {
  readonly size: number
  /** With the quotes around it, as conditions want it. */
  readonly etag: string
  /** Whole seconds since 1970 UTC. */
  readonly modifiedAt: number
  /** The time was written beside the object. */
  readonly isGivenTime: boolean
}

/** What a list says of an object. */
export interface ListedObject {
  readonly size: number
  readonly etag: string
  readonly putAt: Date
}

/** The name under which the time is written beside an object. */
export const TIME_NAME = 'mtime'

const STAMP = /^(\d+):([^:]*):([mp])(-?\d+)$/
/** Seconds; rclone writes parts of one behind a dot. */
const TIME = /^-?\d{1,15}(\.\d+)?$/

export function encodeStamp({ size, etag, modifiedAt, isGivenTime }: ObjectStamp): string {
  return `${size}:${etag.replaceAll('"', '')}:${isGivenTime ? 'm' : 'p'}${modifiedAt}`
}

/** Undefined for what is no stamp of an object, as those of a repository that was a directory before. */
export function decodeStamp(stamp: string | undefined): ObjectStamp | undefined {
  const [, size, etag, kind, time] = STAMP.exec(stamp ?? '') ?? []
  if (etag === undefined) return undefined
  return { size: Number(size), etag: `"${etag}"`, modifiedAt: Number(time), isGivenTime: kind === 'm' }
}

/** Whether the object is still the one of the stamp, as far as a list tells. */
export function isOfStamp({ size, etag, putAt }: ListedObject, stamp: ObjectStamp): boolean {
  if (size !== stamp.size || etag !== stamp.etag) return false
  return stamp.isGivenTime || secondsOf(putAt) === stamp.modifiedAt
}

/** @param metadata what was written beside the object */
export function stampOf(listed: ListedObject, metadata: Readonly<Record<string, string>> | undefined): ObjectStamp {
  const given = metadata?.[TIME_NAME] ?? ''
  const isGivenTime = TIME.test(given)
  const modifiedAt = isGivenTime ? Math.floor(Number(given)) : secondsOf(listed.putAt)
  return { size: listed.size, etag: listed.etag, modifiedAt, isGivenTime }
}

function secondsOf(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
