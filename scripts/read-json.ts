import fs from 'node:fs'

/**
 * Reads a JSON file that npm writes or checks.
 * @param file relative to the working directory, which npm sets to the directory of package.json
 */
export function readJson<Content>(file: string): Content {
  return JSON.parse(fs.readFileSync(file, 'utf8')) as Content
}
