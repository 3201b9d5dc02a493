// duckdb.mjs - drive DuckDB through @duckdb/node-api.
//
//   node duckdb.mjs file load rows.tsv       table sensor from tab separated rows, checkpoint; prints ms
//   node duckdb.mjs file count               prints the rows of it
//   node duckdb.mjs file time repeats sql    prints the median ms, rows fetched to the client
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(pathToFileURL(process.env.DUCKDB_HOME + '/'));
const { DuckDBInstance } = require('@duckdb/node-api');
const [file, verb, ...args] = process.argv.slice(2);
const connection = await (await DuckDBInstance.create(file)).connect();

const timed = async (work) => {
    const start = process.hrtime.bigint();
    await work();
    return Number(process.hrtime.bigint() - start) / 1e6;
};

if (verb === 'load') {
    await connection.run('CREATE TABLE sensor(time TIMESTAMP, series VARCHAR, value DOUBLE)');
    const ms = await timed(async () => {
        await connection.run(`COPY sensor FROM '${args[0]}' (DELIMITER '\t', HEADER false, QUOTE '', ESCAPE '')`);
        await connection.run('CHECKPOINT');
    });
    console.log(ms.toFixed(1));
} else if (verb === 'count') {
    const answer = await connection.runAndReadAll('SELECT count(*) FROM sensor');
    console.log(String(answer.getRows()[0][0]));
} else if (verb === 'time') {
    const times = [];
    for (let i = 0; i < Number(args[0]); i++)
        times.push(await timed(async () => (await connection.runAndReadAll(args[1])).getRows()));
    times.sort((a, b) => a - b);
    console.log(times[Math.floor(times.length / 2)].toFixed(3));
} else {
    throw new Error(`unknown verb ${verb}`);
}
connection.closeSync();
