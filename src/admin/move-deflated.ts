/** The deflated forms that exports in the queue are packed of go along with them; all others are made again. */
import fs from 'node:fs'
import path from 'node:path'
import { type DeflatedKey, deflatedName } from '../files/deflated-files.ts'
import { syncDirectory } from '../files/sync-directory.ts'

/** Whether this form is in the cache, with the size that it should have. */
export function isInCache(directory: string, key: DeflatedKey): boolean {
  const stat = fs.statSync(path.join(directory, deflatedName(key)), { throwIfNoEntry: false })
  return stat?.size === key.deflated.size
}

/** What is not in the cache is not in the other one either. */
export function moveDeflated(from: string, to: string, keys: readonly DeflatedKey[]): void {
  const lacking = keys.filter((key) => isInCache(from, key) && !isInCache(to, key))
  if (lacking.length === 0) return
  fs.mkdirSync(to, { recursive: true, mode: 0o750 })
  for (const key of lacking) {
    const [file, part] = [path.join(to, deflatedName(key)), path.join(to, `${key.sha256}.part`)]
    fs.copyFileSync(path.join(from, deflatedName(key)), part)
    const fd = fs.openSync(part, 'r+')
    try {
      fs.fdatasyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(part, file)
  }
  syncDirectory(to)
}
