/** Compares the files of an archive with those of its manifest. */
import type { ReportDifference } from './differences.ts'
import type { Manifest, ManifestFile } from './manifest.ts'
import type { CheckedEntry } from './structure-bytes.ts'

/** @param entries whose content matches what the archive itself records */
export function compareWithManifest(
  entries: readonly CheckedEntry[],
  { files }: Manifest,
  report: ReportDifference
): void {
  const expected = new Map(files.map((file) => [file.path, file]))
  const existing = new Set(entries.map(({ name }) => name))
  for (const entry of entries) {
    const file = expected.get(entry.name)
    const difference = file === undefined ? `${entry.name} is not in the manifest.` : differenceOf(entry, file)
    if (difference !== undefined) report(difference)
  }
  for (const { path } of files) if (!existing.has(path)) report(`${path} is missing, or cannot be read.`)
}

function differenceOf({ name, size, crc32, sha256, compressedSize }: CheckedEntry, file: ManifestFile) {
  if (size !== file.size) return `${name} has ${size} bytes, but the manifest says ${file.size}.`
  if (crc32 !== Number.parseInt(file.crc32, 16)) return `The CRC-32 of ${name} differs from that in the manifest.`
  if (sha256 !== file.sha256) return `The SHA-256 of ${name} differs from that in the manifest.`
  if (compressedSize !== file.packedSize)
    return `${name} takes ${compressedSize} bytes in the archive, but the manifest says ${file.packedSize}.`
  return undefined
}
