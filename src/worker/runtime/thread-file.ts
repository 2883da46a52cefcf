import path from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The path of the module of a thread or a process beside `importer`: the same name, `.ts` here and `.js` in the
 * published package.
 */
export function threadFile(name: string, importer: ImportMeta): string {
  return fileURLToPath(new URL(`./${name}${path.extname(importer.filename)}`, importer.url))
}
