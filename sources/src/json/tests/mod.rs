mod sequence;
mod value;
