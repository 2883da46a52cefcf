/** A process that packs a directory with archiver. Arguments: source directory, archive. */
import fs from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { ZipArchive } from 'archiver'
import { timeWork } from '../time-work.ts'

const [source = '', output = ''] = process.argv.slice(2)
await timeWork(async () => {
  const archive = new ZipArchive({ store: true })
  const written = pipeline(archive, fs.createWriteStream(output))
  archive.directory(source, false)
  await archive.finalize()
  await written
})
