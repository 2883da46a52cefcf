/** A process that packs a directory with zip-stream, stored. Arguments: source directory, archive. */
import fs from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import ZipStream from 'zip-stream'
import { timeWork } from '../time-work.ts'

const [source = '', output = ''] = process.argv.slice(2)
await timeWork(async () => {
  const archive = new ZipStream({ store: true })
  const written = pipeline(archive, fs.createWriteStream(output))
  const add = promisify(archive.entry).bind(archive)
  for (const name of fs.readdirSync(source)) await add(fs.createReadStream(path.join(source, name)), { name })
  archive.finish()
  await written
})
