/** The object that names the owner of the archives. */
import type { Bucket } from './bucket.ts'
import { isConditionUnsupported, isMissing, s3ErrorName } from './s3-error.ts'

/** No archive has such a name. */
export const MARKER_NAME = '.fixdepot'

const isOccupied = (error: unknown) => ['PreconditionFailed', 'ConditionalRequestConflict'].includes(s3ErrorName(error))

/**
 * Writes the marker if there is none. Without conditional writes in the server, two markers that are written
 * concurrently may both be returned.
 * @returns the marker that is there now
 */
export async function claimOwnership(bucket: Bucket, key: string, marker: string): Promise<string> {
  const known = await readMarker(bucket, key)
  if (known !== undefined) return known
  await writeMarker(bucket, key, marker, '*')
  return (await readMarker(bucket, key)) ?? marker
}

async function writeMarker(bucket: Bucket, key: string, marker: string, condition: string): Promise<void> {
  const request = { Bucket: bucket.name, Key: key, Body: `${marker}\n`, ContentType: 'text/plain' }
  try {
    await bucket.request(
      (s3, options) => s3.putObject({ ...request, ...(condition === '' ? {} : { IfNoneMatch: condition }) }, options),
      { isExpected: (error) => isOccupied(error) || isConditionUnsupported(error) }
    )
  } catch (error) {
    if (isConditionUnsupported(error)) return writeMarker(bucket, key, marker, '')
    if (!isOccupied(error)) throw error
  }
}

async function readMarker(bucket: Bucket, key: string): Promise<string | undefined> {
  try {
    return await bucket.request(
      async (s3, options) => {
        const { Body } = await s3.getObject({ Bucket: bucket.name, Key: key }, options)
        return ((await Body?.transformToString()) ?? '').trim()
      },
      { isExpected: isMissing }
    )
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
