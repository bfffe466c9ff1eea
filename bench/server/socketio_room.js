// One room of socket.io, websockets only. node socketio_room.js PORT
const { Server } = require('socket.io');

const io = new Server(Number(process.argv[2]), { transports: ['websocket'], perMessageDeflate: false, pingInterval: 600000 });
io.on('connection', (socket) => socket.on('m', (text) => io.emit('m', text)));
