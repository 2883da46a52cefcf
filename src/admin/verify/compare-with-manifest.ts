/** The files of an archive beside those of its manifest. */
import type { Manifest, ManifestFile } from './manifest.ts'
import type { CheckedEntry } from './structure-bytes.ts'

/** @param entries whose content agrees with what the archive itself records */
export function compareWithManifest(
  entries: readonly CheckedEntry[],
  { files }: Manifest,
  report: (sentence: string) => void
): void {
  const expected = new Map(files.map((file) => [file.path, file]))
  const there = new Set(entries.map(({ name }) => name))
  for (const entry of entries) {
    const file = expected.get(entry.name)
    const difference = file === undefined ? 'is not in the manifest' : differenceOf(entry, file)
    if (difference !== undefined) report(`${entry.name} ${difference}.`)
  }
  for (const { path } of files) if (!there.has(path)) report(`${path} is missing, or cannot be read.`)
}

function differenceOf(entry: CheckedEntry, file: ManifestFile): string | undefined {
  if (entry.size !== file.size) return `has ${entry.size} bytes, and the manifest says ${file.size}`
  if (entry.crc32 !== Number.parseInt(file.crc32, 16)) return 'has another CRC-32 than the manifest says'
  if (entry.sha256 !== file.sha256) return 'has another SHA-256 than the manifest says'
  if (entry.compressedSize !== file.packedSize)
    return `takes ${entry.compressedSize} bytes, and the manifest says ${file.packedSize}`
  return undefined
}
