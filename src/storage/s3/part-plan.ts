/**
 * How an archive is cut into the parts of a multipart upload: a function of its size alone, so that whoever goes on
 * with one cuts it in the same places. Limits of S3: at most 10,000 parts, each but the last of at least 5 MiB (Amazon
 * S3 User Guide, "multipart upload limits").
 */

const MIB = 1024 * 1024
const USUAL_PART_BYTES = 8 * MIB
const MAX_PARTS = 10_000

/** @returns bytes of each part but the last one, which has the rest */
export function partSizeOf(archiveSize: number): number {
  const least = Math.ceil(archiveSize / MAX_PARTS)
  return Math.max(USUAL_PART_BYTES, Math.ceil(least / MIB) * MIB)
}
