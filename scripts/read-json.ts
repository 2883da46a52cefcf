import fs from 'node:fs'

/**
 * A JSON file that npm made or checks.
 * @param file relative to the working directory, which npm makes that of package.json
 */
export function readJson<Content>(file: string): Content {
  return JSON.parse(fs.readFileSync(file, 'utf8')) as Content
}
