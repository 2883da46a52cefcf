/** The object that says whose archives there are. */
import type { Bucket } from './bucket.ts'
import { s3ErrorName } from './storage-error.ts'

/** No archive has such a name. */
export const MARKER_NAME = '.fixdepot'

const isMissing = (error: unknown) => s3ErrorName(error) === 'NoSuchKey'
const isOccupied = (error: unknown) => ['PreconditionFailed', 'ConditionalRequestConflict'].includes(s3ErrorName(error))
/** Of a server that does not know it. */
const isConditionRefused = (error: unknown) => s3ErrorName(error) === 'NotImplemented'

/**
 * Leaves the mark where there is none; gives back the one that is there then. Where the server knows no condition, two
 * that are left at once may both be taken for the first one.
 */
export async function writeMarker(bucket: Bucket, key: string, marker: string): Promise<string> {
  const known = await readMarker(bucket, key)
  if (known !== undefined) return known
  await write(bucket, key, marker, '*')
  return (await readMarker(bucket, key)) ?? marker
}

async function write(bucket: Bucket, key: string, marker: string, condition: string): Promise<void> {
  const request = { Bucket: bucket.name, Key: key, Body: `${marker}\n`, ContentType: 'text/plain' }
  try {
    await bucket.request(
      (s3, options) => s3.putObject({ ...request, ...(condition === '' ? {} : { IfNoneMatch: condition }) }, options),
      (error) => isOccupied(error) || isConditionRefused(error)
    )
  } catch (error) {
    if (isConditionRefused(error)) return write(bucket, key, marker, '')
    if (!isOccupied(error)) throw error
  }
}

async function readMarker(bucket: Bucket, key: string): Promise<string | undefined> {
  try {
    return await bucket.request(async (s3, options) => {
      const { Body } = await s3.getObject({ Bucket: bucket.name, Key: key }, options)
      return ((await Body?.transformToString()) ?? '').trim()
    }, isMissing)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
