/** A process that packs a directory with archiver. Arguments: source directory, archive, level from 0 (stored) to 9. */
import fs from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { ZipArchive } from 'archiver'
import { timeWork } from '../time-work.ts'

const [source = '', output = '', level = '0'] = process.argv.slice(2)
await timeWork(async () => {
  const archive = new ZipArchive(level === '0' ? { store: true } : { zlib: { level: Number(level) } })
  const written = pipeline(archive, fs.createWriteStream(output))
  archive.directory(source, false)
  await archive.finalize()
  await written
})
