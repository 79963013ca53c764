/** An endpoint of the lab (test/lab/lab); a missing one fails the test that asks for it. */
export function lab(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Error(`${name} is not set: run the tests with 'test/lab/lab run …'`);
  return value;
}
