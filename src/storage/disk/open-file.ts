/** Files that are open, for those who send them. */
import type { FileHandle } from 'node:fs/promises'
import type { OpenFile } from '../../core/storage/open-file.ts'

/** An open file with what is known of it; closing it closes the handle. */
export function openFileOf(handle: FileHandle, facts: Omit<OpenFile, 'readInto' | 'close'>): OpenFile {
  return {
    ...facts,
    async readInto(buffer, position) {
      return (await handle.read(buffer, 0, buffer.length, position)).bytesRead
    },
    close: () => handle.close()
  }
}
