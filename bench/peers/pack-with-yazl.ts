/** A process that packs a directory with yazl. Arguments: source directory, archive. */
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ZipFile } from 'yazl'
import { timeWork } from '../time-work.ts'

const [source = '', output = ''] = process.argv.slice(2)
await timeWork(async () => {
  const archive = new ZipFile()
  for (const name of fs.readdirSync(source)) archive.addFile(path.join(source, name), name, { compress: false })
  archive.end()
  await pipeline(archive.outputStream, fs.createWriteStream(output))
})
