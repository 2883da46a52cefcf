/** A process that packs a directory with yazl. Arguments: source directory, archive, level from 0 (stored) to 9. */
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { timeWork } from '../time-work.ts'

const [source = '', output = '', level = '0'] = process.argv.slice(2)
const options = level === '0' ? { compress: false } : { compressionLevel: Number(level) }
await timeWork(async () => {
  const archive = new ZipFile()
  for (const name of fs.readdirSync(source)) archive.addFile(path.join(source, name), name, options)
  archive.end()
  await pipeline(archive.outputStream, fs.createWriteStream(output))
})
